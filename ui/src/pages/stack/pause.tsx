import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, sent } from '@/api/client';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { ProblemPanel } from '@/parts/problem-panel';
import { toast, toastProblem } from '@/parts/toast';
import { field, Labelled } from './actions';
import { stackKey } from './data';
import { line, spans } from './guard';
import { Spans } from './span';
import type { StackDetail, StackName } from './types';

type Pause = StackDetail['pause'];

/**
 * Shows a pause, or its end, before the stream brings it. Nothing of the cluster
 * changes by either, so being early here tells nobody anything wrong.
 */
function useShown(s: StackName) {
  const client = useQueryClient();
  return (pause: Pause) => {
    client.setQueryData<StackDetail>(stackKey(s, 'detail'), (d) => d && { ...d, pause });
  };
}

/** Lets a paused Stack go on. */
export function useResume(s: StackName) {
  const client = useQueryClient();
  const show = useShown(s);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await sent(api.POST('/api/v1/stacks/{namespace}/{name}/resume', { params: { path: s } }));
      show(undefined);
      toast(`Resumed ${s.name}`, { about: `lockstep resume ${s.namespace}/${s.name}` });
    } catch (e) {
      toastProblem(e);
      void client.invalidateQueries({ queryKey: stackKey(s, 'detail') });
    }
    setBusy(false);
  };
  return { busy, run };
}

/** Asks why and for how long a Stack is left as it is. */
export function PauseDialog({ s, onClose }: { s: StackName; onClose(): void }) {
  const show = useShown(s);
  const [reason, setReason] = useState('');
  const [span, setSpan] = useState<string>('2h');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const unit = `${s.namespace}/${s.name}`;

  const run = async () => {
    if (busy) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const done = await sent(
        api.POST('/api/v1/stacks/{namespace}/{name}/pause', {
          params: { path: s },
          body: { reason: reason.trim() || undefined, for: span || undefined },
        }),
      );
      show(done.pause);
      toast(`Paused ${s.name}`, { about: `lockstep resume ${unit}` });
      onClose();
    } catch (e) {
      setFailed(e);
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      size="small"
      title={`Pause ${s.name}`}
      about="Nothing is applied, pruned or healed while it lasts. What runs goes on running."
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={busy} onClick={() => void run()}>
            Pause
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          void run();
        }}
      >
        {failed !== undefined && <ProblemPanel of={failed} what="It was not paused." />}
        <Labelled label="Reason (optional), for whoever finds it paused">
          {(id) => (
            <input
              id={id}
              value={reason}
              maxLength={1000}
              onChange={(e) => setReason(e.target.value)}
              className={field}
            />
          )}
        </Labelled>
        <Spans label="For" value={span} options={spans.pause} onChange={setSpan} />
        <div>
          <p className="mb-1 text-sm text-muted">The same on the command line</p>
          <Cli
            line={line('pause', unit, [
              ['reason', reason.trim()],
              ['for', span],
            ])}
          />
        </div>
      </form>
    </Dialog>
  );
}
