import type { ReactNode } from 'react';

interface SegmentsProps<T extends string> {
  value: NoInfer<T>;
  onChange(value: NoInfer<T>): void;
  options: readonly { value: T; label: ReactNode; hint?: string }[];
  label: string;
}

/** A small choice between ways of looking at the same thing: map | list | changes. */
export function Segments<const T extends string>({ value, onChange, options, label }: SegmentsProps<T>) {
  return (
    <div role="group" aria-label={label} className="inline-flex shrink-0 rounded-md border border-line bg-sunken p-0.5">
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          title={o.hint}
          onClick={() => onChange(o.value)}
          className="h-6 rounded px-2.5 text-muted hover:text-text aria-pressed:bg-panel aria-pressed:font-medium aria-pressed:text-text aria-pressed:shadow-[0_1px_2px_#0000001f]"
        >
          {o.label}
        </button>
      ))}
    </div>
  );
}
