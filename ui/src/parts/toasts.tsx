import { Toast as Base } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import { useEffect } from 'react';
import { buttonClass } from './button';
import { cx } from './cx';
import { showWith } from './toast';

const manager = Base.createToastManager();

/** The toasts on screen, read out politely. */
export default function Toasts() {
  useEffect(() => {
    showWith((said) =>
      manager.add({
        type: said.bad ? 'bad' : undefined,
        title: said.title,
        description: said.about,
        timeout: said.bad ? 10_000 : said.undo ? 8_000 : 4_000,
        priority: said.bad ? 'high' : 'low',
        actionProps: said.undo ? { children: 'Undo', onClick: said.undo } : undefined,
      }),
    );
  }, []);
  return (
    <Base.Provider toastManager={manager} limit={4}>
      <Base.Portal>
        <Base.Viewport className="fixed right-4 bottom-10 z-50 flex w-88 max-w-[calc(100vw-32px)] flex-col-reverse gap-2">
          <Lines />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function Lines() {
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
        <Base.Description className="text-muted break-words" />
      </Base.Content>
      {t.actionProps && <Base.Action className={buttonClass('plain')} />}
      <Base.Close aria-label="Dismiss" className={buttonClass('bare', 'h-6! w-6 px-0!')}>
        <X size={14} aria-hidden />
      </Base.Close>
    </Base.Root>
  ));
}
