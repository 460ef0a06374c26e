import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, sent } from '@/api/client';
import { short } from '@/format/count';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { ProblemPanel } from '@/parts/problem-panel';
import { toast } from '@/parts/toast';
import { stackKey } from './data';
import type { StackDetail, StackName } from './types';

/** Lets a held Stack go on to what Git says; what that does is what an apply does. */
export function FollowDialog({
  s,
  hold,
  newest,
  onClose,
}: {
  s: StackName;
  hold: NonNullable<StackDetail['hold']>;
  newest?: string;
  onClose(): void;
}) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const run = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      await sent(api.POST('/api/v1/stacks/{namespace}/{name}/release-hold', { params: { path: s } }));
      toast(`${s.name} follows Git again`);
      void client.invalidateQueries({ queryKey: stackKey(s, 'detail') });
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
      title={`Let ${s.name} follow Git again`}
      about={
        <>
          It leaves <span className="mono">{short(hold.revision)}</span>
          {newest ? (
            <>
              {' '}
              for what Git is at, <span className="mono">{short(newest)}</span>,
            </>
          ) : (
            ' for what Git is at,'
          )}{' '}
          with the checks and gates that any commit passes.
        </>
      }
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={busy} onClick={() => void run()}>
            Follow Git again
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {failed !== undefined && <ProblemPanel of={failed} what="It is held still." />}
        <div>
          <p className="mb-1 text-sm text-muted">The same on the command line</p>
          <Cli line={`lockstep rollback ${s.namespace}/${s.name} --release`} />
        </div>
      </div>
    </Dialog>
  );
}
