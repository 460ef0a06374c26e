import { Menu as Base } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { buttonClass, Kbd } from './button';

interface MenuProps {
  /** What the button shows; it is its name, too, unless `name` is given. */
  label: ReactNode;
  name?: string;
  look?: 'plain' | 'bare';
  className?: string;
  children: ReactNode;
}

/** A button that opens a menu of MenuItem or MenuChoice. */
export function Menu({ label, name, look = 'plain', className, children }: MenuProps) {
  return (
    <Base.Root>
      <Base.Trigger className={buttonClass(look, className)} aria-label={name}>
        {label}
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className="min-w-44 rounded-lg border border-line bg-raised p-1 shadow-float outline-none">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  'flex h-7 cursor-pointer items-center gap-2 rounded-md px-2 outline-none select-none data-highlighted:bg-hover data-disabled:opacity-50';

export function MenuItem({
  onClick,
  hint,
  disabled,
  children,
}: {
  onClick(): void;
  hint?: string;
  disabled?: boolean;
  children: ReactNode;
}) {
  return (
    <Base.Item className={item} onClick={onClick} disabled={disabled}>
      <span className="flex flex-1 items-center gap-2">{children}</span>
      {hint && <Kbd>{hint}</Kbd>}
    </Base.Item>
  );
}

interface ChoiceProps<T extends string> {
  value: T;
  onChange(value: T): void;
  options: readonly { value: T; label: ReactNode }[];
  title: string;
}

/** One of several, with a tick at the chosen one. */
export function MenuChoice<T extends string>({ value, onChange, options, title }: ChoiceProps<T>) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2 pt-1 pb-0.5 text-xs text-muted">{title}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={(v) => onChange(v as T)}>
        {options.map((o) => (
          <Base.RadioItem key={o.value} value={o.value} closeOnClick className={item}>
            <span className="flex-1">{o.label}</span>
            <Base.RadioItemIndicator>
              <Check size={14} aria-hidden className="text-accent" />
            </Base.RadioItemIndicator>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export const MenuLine = () => <Base.Separator className="mx-1 my-1 h-px bg-line" />;
