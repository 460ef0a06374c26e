import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import { api, sent } from '@/api/client';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { Menu } from '@/parts/menu';
import { toast, toastProblem } from '@/parts/toast';
import { stackKey, useVerbs } from './data';
import type { Action, Resource, StackName } from './types';

interface Props {
  stack: StackName;
  resource: Resource;
  actions: readonly Action[];
}

/** What can be done to an object; each says beforehand what it does and what Lockstep will do about it. */
export function ActionMenu({ stack, resource, actions }: Props) {
  const [chosen, choose] = useState<Action>();
  const verbs = useVerbs(stack);
  const refused = verbs && !verbs.actions?.allowed;
  if (actions.length === 0) return null;
  return (
    <>
      <Menu
        label="Actions"
        name={`Actions on ${resource.kind} ${resource.name}`}
        items={[
          ...actions.map((a) => ({
            kind: 'item' as const,
            label: a.off ? `${a.title} (${a.off})` : a.title,
            onClick: () => choose(a),
            disabled: Boolean(a.off) || refused,
          })),
          refused && {
            kind: 'text',
            label: verbs.actions?.reason || 'You may not act on objects of this stack.',
          },
        ]}
      />
      {chosen && <ActionDialog stack={stack} resource={resource} action={chosen} onClose={() => choose(undefined)} />}
    </>
  );
}

function ActionDialog({
  stack,
  resource,
  action,
  onClose,
}: {
  stack: StackName;
  resource: Resource;
  action: Action;
  onClose(): void;
}) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [replicas, setReplicas] = useState(action.now || '1');
  const [busy, setBusy] = useState(false);
  const number = Number(replicas);
  const sound = action.needs !== 'replicas' || (/^\d{1,5}$/.test(replicas) && number <= 10_000);
  const ready = sound && !busy && (action.guard < 3 || (reason.trim() !== '' && typed === resource.name));
  const command = action.needs ? action.command.replace(/=N\b/, `=${sound ? number : 'N'}`) : action.command;

  const run = async () => {
    setBusy(true);
    try {
      const done = await sent(
        api.POST('/api/v1/stacks/{namespace}/{name}/actions', {
          params: { path: { namespace: stack.namespace, name: stack.name } },
          body: {
            object: resource.id,
            uid: resource.uid,
            action: action.name,
            replicas: action.needs === 'replicas' ? number : undefined,
            reason: reason.trim() || undefined,
          },
        }),
      );
      toast(`${action.title.replace('…', '')}: ${resource.name}`, { about: `${done.message}. ${done.drift}.` });
      onClose();
    } catch (e) {
      toastProblem(e);
      setBusy(false);
    }
    void client.invalidateQueries({ queryKey: stackKey(stack, 'live') });
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`${action.title.replace('…', '')} ${resource.kind} ${resource.name}`}
      about={`${upper(action.effect)}.`}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look={action.guard >= 2 ? 'danger' : 'primary'} disabled={!ready} onClick={() => void run()}>
            {action.title.replace('…', '')}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          if (ready) void run();
        }}
      >
        {action.needs === 'replicas' && (
          <Labelled label="Pods to run" error={sound ? undefined : 'a number from 0 to 10,000'}>
            {(id) => (
              <input
                id={id}
                inputMode="numeric"
                value={replicas}
                onChange={(e) => setReplicas(e.target.value.trim())}
                className={field}
              />
            )}
          </Labelled>
        )}
        <p className={action.undone ? 'rounded-md bg-warn-soft px-3 py-2 text-warn' : 'text-muted'}>{action.drift}.</p>
        <Labelled label={action.guard >= 3 ? 'Reason' : 'Reason (optional)'}>
          {(id) => (
            <input
              id={id}
              value={reason}
              maxLength={1024}
              onChange={(e) => setReason(e.target.value)}
              className={field}
            />
          )}
        </Labelled>
        {action.guard >= 3 && (
          <Labelled label={`Type ${resource.name} to go on`}>
            {(id) => (
              <input
                id={id}
                value={typed}
                autoComplete="off"
                onChange={(e) => setTyped(e.target.value)}
                className={field}
              />
            )}
          </Labelled>
        )}
        <div>
          <p className="mb-1 text-sm text-muted">The same on the command line</p>
          <Cli line={command} />
        </div>
      </form>
    </Dialog>
  );
}

export const field = 'h-7 w-full rounded-md border border-edge bg-bg px-2';

const upper = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

export function Labelled({
  label,
  error,
  children,
}: {
  label: string;
  error?: string;
  children(id: string): ReactNode;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm text-muted">
        {label}
      </label>
      {children(id)}
      {error && (
        <p role="alert" className="mt-1 text-sm text-bad">
          {error}
        </p>
      )}
    </div>
  );
}
