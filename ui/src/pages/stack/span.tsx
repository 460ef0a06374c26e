import { useId } from 'react';

/** A choice of how long something lasts, as radio buttons: arrow keys move between them. */
export function Spans({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange(value: string): void;
}) {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-sm text-muted">{label}</legend>
      <div className="flex flex-wrap gap-x-4 gap-y-1">
        {options.map(([span, words]) => (
          <label key={span} className="inline-flex min-h-6 items-center gap-1.5">
            <input type="radio" name={name} checked={span === value} onChange={() => onChange(span)} />
            {words}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
