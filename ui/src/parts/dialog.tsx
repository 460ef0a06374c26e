import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { type ReactNode, useRef } from 'react';
import { buttonClass } from './button';
import { cx } from './cx';

interface DialogProps {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: ReactNode;
  /** One sentence under the title. */
  about?: ReactNode;
  children: ReactNode;
  /** Buttons, right-aligned under the body. */
  actions?: ReactNode;
  size?: 'small' | 'medium' | 'large';
}

const widths = { small: 'max-w-md', medium: 'max-w-2xl', large: 'max-w-5xl' };

/**
 * A modal dialog: focus begins at the first thing to fill in, is kept inside, and returns
 * to where it was; Escape closes.
 */
export function Dialog({ open, onOpenChange, title, about, children, actions, size = 'medium' }: DialogProps) {
  const body = useRef<HTMLDivElement>(null);
  const first = () =>
    body.current?.querySelector<HTMLElement>('input:enabled, select:enabled, textarea:enabled') ?? true;
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/35" />
        <Base.Popup
          initialFocus={first}
          className={cx(
            'fixed top-[10vh] left-1/2 z-50 flex max-h-[80vh] w-[calc(100vw-32px)] -translate-x-1/2 flex-col rounded-xl border border-line bg-raised shadow-float outline-none',
            widths[size],
          )}
        >
          <header className="flex items-start gap-3 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-lg font-semibold">{title}</Base.Title>
              {about && <Base.Description className="mt-0.5 text-muted">{about}</Base.Description>}
            </div>
            <Base.Close className={buttonClass('bare', 'w-7 px-0! -mr-2')} aria-label="Close">
              <X size={16} aria-hidden />
            </Base.Close>
          </header>
          <div ref={body} className="min-h-0 flex-1 overflow-y-auto px-5 pb-4">
            {children}
          </div>
          {actions && <footer className="flex justify-end gap-2 border-t border-line px-5 py-3">{actions}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
