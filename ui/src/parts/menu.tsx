import { lazy, type ReactNode, Suspense, useState } from 'react';
import { buttonClass } from './button';

/** One line of a menu. */
export type MenuEntry =
  | { kind: 'item'; label: ReactNode; onClick(): void; hint?: string; disabled?: boolean }
  | {
      kind: 'choice';
      title: string;
      value: string;
      onChange(value: string): void;
      options: readonly { value: string; label: ReactNode }[];
    }
  | {
      kind: 'ticks';
      title?: string;
      options: readonly { label: ReactNode; aside?: ReactNode; on: boolean; onChange(on: boolean): void }[];
    }
  | { kind: 'text'; label: ReactNode }
  | { kind: 'line' };

export interface MenuProps {
  /** What the button shows; it is its name, too, unless `name` is given. */
  label: ReactNode;
  name?: string;
  look?: 'plain' | 'bare';
  className?: string;
  align?: 'start' | 'end';
  items: readonly (MenuEntry | false | undefined)[];
}

const load = () => import('./menu-open');
const Open = lazy(load);

/**
 * A button that opens a menu. What a menu is made of is fetched when somebody is
 * about to open one, since no page needs it to be shown.
 */
export function Menu(props: MenuProps) {
  const [wanted, setWanted] = useState(false);
  const closed = (
    <button
      type="button"
      aria-haspopup="menu"
      aria-expanded={false}
      aria-label={props.name}
      className={buttonClass(props.look, props.className)}
      onPointerEnter={() => void load()}
      onFocus={() => void load()}
      onClick={() => setWanted(true)}
    >
      {props.label}
    </button>
  );
  if (!wanted) return closed;
  return (
    <Suspense fallback={closed}>
      <Open {...props} />
    </Suspense>
  );
}
