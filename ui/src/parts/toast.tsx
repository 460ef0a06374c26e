import { Toast as Base } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { asProblem } from '@/api/problem';
import { buttonClass } from './button';
import { cx } from './cx';

const manager = Base.createToastManager();

interface ToastOptions {
  about?: string;
  undo?: () => void;
}

/** Says that something was done; with Undo where it can be undone. */
export function toast(title: string, { about, undo }: ToastOptions = {}) {
  manager.add({
    title,
    description: about,
    timeout: undo ? 8000 : 4000,
    actionProps: undo ? { children: 'Undo', onClick: undo } : undefined,
  });
}

/** Says that something failed, in the server's words. */
export function toastProblem(thrown: unknown) {
  const problem = asProblem(thrown);
  manager.add({
    type: 'bad',
    title: problem.detail || problem.title,
    description: problem.hint || undefined,
    timeout: 10_000,
    priority: 'high',
  });
}

export function ToastProvider({ children }: { children: ReactNode }) {
  return (
    <Base.Provider toastManager={manager} limit={4}>
      {children}
      <Base.Portal>
        <Base.Viewport className="fixed right-4 bottom-10 z-50 flex w-88 max-w-[calc(100vw-32px)] flex-col-reverse gap-2">
          <Toasts />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function Toasts() {
  const { toasts } = Base.useToastManager();
  return toasts.map((t) => (
    <Base.Root
      key={t.id}
      toast={t}
      className={cx(
        'flex items-start gap-2 rounded-lg border bg-raised px-3 py-2 shadow-float',
        t.type === 'bad' ? 'border-bad' : 'border-line',
      )}
    >
      <Base.Content className="min-w-0 flex-1">
        <Base.Title className="font-medium break-words" />
        <Base.Description className="text-muted" />
      </Base.Content>
      <Base.Action className={buttonClass('plain')} />
      <Base.Close aria-label="Dismiss" className={buttonClass('bare', 'w-6 h-6! px-0!')}>
        <X size={14} aria-hidden />
      </Base.Close>
    </Base.Root>
  ));
}
