import type { ComponentProps, ReactNode } from 'react';
import { Link } from 'wouter';
import { cx } from './cx';

type Look = 'plain' | 'primary' | 'danger' | 'bare';

const looks: Record<Look, string> = {
  plain: 'border border-line bg-panel hover:bg-hover',
  primary: 'border border-transparent bg-accent text-on-accent hover:opacity-90',
  danger: 'border border-bad text-bad hover:bg-bad-soft',
  bare: 'border border-transparent text-muted hover:text-text hover:bg-hover',
};

const shape =
  'inline-flex h-7 shrink-0 items-center justify-center gap-1.5 rounded-md px-2.5 font-medium whitespace-nowrap transition-colors duration-75 select-none disabled:opacity-50 disabled:pointer-events-none aria-disabled:opacity-50 aria-pressed:bg-picked aria-pressed:text-text';

/** The classes of a button, for parts that render their own element. */
export const buttonClass = (look: Look = 'plain', extra?: string): string => cx(shape, looks[look], extra);

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look;
  /** The key that does the same, printed beside the word. */
  hint?: string;
}

/** A button; `hint` shows the key that does the same. */
export function Button({ look = 'plain', hint, className, children, ...rest }: ButtonProps) {
  return (
    <button type="button" className={buttonClass(look, className)} {...rest}>
      {children}
      {hint && <Kbd>{hint}</Kbd>}
    </button>
  );
}

/** A button without words; `label` is what it is called. */
export function IconButton({ label, className, ...rest }: Omit<ButtonProps, 'hint'> & { label: string }) {
  return <Button aria-label={label} title={label} look="bare" className={cx('w-7 px-0!', className)} {...rest} />;
}

export function ButtonLink({
  to,
  look = 'plain',
  className,
  children,
}: {
  to: string;
  look?: Look;
  className?: string;
  children: ReactNode;
}) {
  return (
    <Link href={to} className={buttonClass(look, className)}>
      {children}
    </Link>
  );
}

/** One key, as it is printed on a keyboard. */
export function Kbd({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <kbd
      className={cx(
        'inline-flex min-w-4.5 items-center justify-center rounded border border-line bg-sunken px-1 font-sans text-xs leading-4 font-normal text-muted',
        className,
      )}
    >
      {children}
    </kbd>
  );
}
