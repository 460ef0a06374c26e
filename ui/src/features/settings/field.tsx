import { type ComponentProps, type ReactNode, useId } from 'react';
import { cx } from '@/parts/cx';

const box = 'h-8 w-full rounded-md border border-edge bg-bg px-2';

interface FieldProps {
  label: string;
  /** Under the field. */
  hint?: ReactNode;
  /** What is wrong with what is in it. */
  wrong?: string;
  className?: string;
}

/** A text field with its label. */
export function Field({ label, hint, wrong, className, ...rest }: FieldProps & Omit<ComponentProps<'input'>, 'id'>) {
  const id = useId();
  return (
    <div className={cx('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-sm text-muted">
        {label}
      </label>
      <input
        id={id}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong || hint ? `${id}-hint` : undefined}
        className={cx(box, wrong !== undefined && 'border-bad')}
        {...rest}
      />
      {(wrong || hint) && (
        <span id={`${id}-hint`} className={cx('text-sm', wrong ? 'text-bad' : 'text-muted')}>
          {wrong ?? hint}
        </span>
      )}
    </div>
  );
}

/** One of few. */
export function Choice({
  label,
  hint,
  options,
  className,
  ...rest
}: FieldProps &
  Omit<ComponentProps<'select'>, 'id'> & { options: readonly (readonly [value: string, label: string])[] }) {
  const id = useId();
  return (
    <div className={cx('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-sm text-muted">
        {label}
      </label>
      <select id={id} className={box} aria-describedby={hint ? `${id}-hint` : undefined} {...rest}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {hint && (
        <span id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </span>
      )}
    </div>
  );
}

/** A table of few rows, in a frame; wider than the page it scrolls by itself. */
export function Table({ head, label, children }: { head: readonly string[]; label: string; children: ReactNode }) {
  return (
    <section aria-label={label} className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table className="w-full text-left" aria-label={label}>
        <thead className="text-sm text-muted">
          <tr className="border-b border-line">
            {head.map((h) => (
              <th key={h} scope="col" className="px-3 py-1.5 font-normal whitespace-nowrap">
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&_td]:px-3 [&_td]:py-2 [&_tr]:border-b [&_tr]:border-line/70 [&_tr]:align-top [&_tr:last-child]:border-0">
          {children}
        </tbody>
      </table>
    </section>
  );
}
