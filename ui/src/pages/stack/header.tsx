import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, sent } from '@/api/client';
import { useCommands } from '@/commands/commands';
import { counted, short } from '@/format/count';
import { lasted } from '@/format/time';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { HealthMark, StepMark, type Tone, toneText } from '@/parts/status-mark';
import { Ago, Lasted, useNow } from '@/parts/time';
import { toast, toastProblem } from '@/parts/toast';
import { stackKey, useVerbs } from './data';
import type { StackDetail, StackName } from './types';

/** Has a Stack looked at now. */
export function useReconcile(s: StackName) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await sent(
        api.POST('/api/v1/stacks/{namespace}/{name}/reconcile', {
          params: { path: { namespace: s.namespace, name: s.name } },
        }),
      );
      toast('Reconcile asked for', { about: `lockstep reconcile ${s.namespace}/${s.name}` });
      void client.invalidateQueries({ queryKey: stackKey(s) });
    } catch (e) {
      toastProblem(e);
    }
    setBusy(false);
  };
  return { busy, run };
}

export function StackHeader({ s, stack }: { s: StackName; stack: StackDetail }) {
  const { busy, run } = useReconcile(s);
  const verbs = useVerbs(s);
  const refused = verbs && !verbs.reconcile?.allowed;
  useCommands([
    {
      id: 'stack.reconcile',
      label: 'Reconcile now',
      group: 'This page',
      keys: 'r',
      cli: `lockstep reconcile ${s.namespace}/${s.name}`,
      run: () => {
        if (!refused) void run();
      },
    },
  ]);
  const message = stack.fullMessage || stack.message;
  return (
    <header className="flex flex-col gap-2 px-4 pt-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <h1 className="text-xl font-semibold">{s.name}</h1>
        <HealthMark health={stack.health} />
        <StepMark step={stack.step} detail={stack.drift?.fields ? counted(stack.drift.fields, 'field') : undefined} />
        <span className="text-muted">
          {stack.revision ? <span className="mono">{short(stack.revision)}</span> : 'no release yet'}
          {stack.target && ` on ${stack.target}`}
        </span>
        <span className="ml-auto flex items-center gap-2">
          <Button
            hint="r"
            disabled={busy || Boolean(refused)}
            title={refused ? verbs.reconcile?.reason : `lockstep reconcile ${s.namespace}/${s.name}`}
            onClick={() => void run()}
          >
            Reconcile now
          </Button>
        </span>
      </div>
      {stack.pause && (
        <Notice tone="warn">
          Paused{stack.pause.by && ` by ${stack.pause.by}`}
          {stack.pause.reason && `: ${stack.pause.reason}`}
          {stack.pause.until && (
            <>
              {' '}
              · ends <Ago at={stack.pause.until} />
            </>
          )}
        </Notice>
      )}
      {message && stack.attention === 'NeedsYou' && (
        <p className="max-w-240 break-words whitespace-pre-line text-muted">{message}</p>
      )}
      <FlowStrip stack={stack} />
    </header>
  );
}

function Notice({ tone, children }: { tone: 'warn' | 'bad'; children: ReactNode }) {
  return (
    <p className={cx('rounded-md px-3 py-1.5', tone === 'warn' ? 'bg-warn-soft text-warn' : 'bg-bad-soft text-bad')}>
      {children}
    </p>
  );
}

type Step = NonNullable<StackDetail['lifecycle']>['steps'][number];

const words: Record<string, string> = {
  commit: 'Commit',
  rendered: 'Rendered',
  planned: 'Planned',
  gates: 'Gates',
  applied: 'Applied',
  healthy: 'Healthy',
};
const signs: Record<string, [string, Tone]> = {
  done: ['✓', 'ok'],
  running: ['◌', 'info'],
  waiting: ['⚿', 'warn'],
  failed: ['✕', 'bad'],
  skipped: ['–', 'idle'],
  todo: ['·', 'idle'],
};

/** The way of the current release from commit to healthy, each station with its own seconds. */
export function FlowStrip({ stack }: { stack: Pick<StackDetail, 'lifecycle'> }) {
  const l = stack.lifecycle;
  if (!l)
    return (
      <p className="rounded-lg border border-line px-3 py-2 text-muted">
        No release yet: the source is being looked at.
      </p>
    );
  return (
    <div className="flex flex-wrap items-stretch gap-3">
      <ol
        aria-label="From commit to healthy"
        className="flex min-w-0 flex-1 overflow-x-auto rounded-lg border border-line bg-panel"
      >
        {l.steps.map((step) => (
          <Station key={step.name} step={step} l={l} />
        ))}
      </ol>
      <dl className="flex flex-col justify-center text-sm">
        <div className="flex gap-1.5">
          <dt className="text-muted">{l.finished ? 'took' : 'so far'}</dt>
          <dd>
            {!l.started && '–'}
            {l.started && l.started === l.finished && 'under 1 s'}
            {l.started && l.started !== l.finished && <Lasted from={l.started} to={l.finished} />}
          </dd>
        </div>
        <div className="flex gap-1.5">
          <dt className="text-muted">release</dt>
          <dd>
            {l.release || '–'} · {l.outcome.toLowerCase()}
          </dd>
        </div>
      </dl>
    </div>
  );
}

function Station({ step, l }: { step: Step; l: NonNullable<StackDetail['lifecycle']> }) {
  const [sign, tone] = signs[step.state] ?? ['·', 'idle'];
  const now = useNow(1000);
  const running = step.state === 'running' || step.state === 'waiting';
  const so = step.at ? Math.max(0, now - Date.parse(step.at)) : 0;
  return (
    <li className="flex min-w-32 flex-1 flex-col gap-0.5 border-l border-line px-3 py-2 first:border-l-0">
      <span className="text-sm text-muted">{words[step.name] ?? step.name}</span>
      <span className="flex items-baseline gap-1.5 whitespace-nowrap">
        <span aria-hidden className={cx('w-3', toneText[tone])}>
          {sign}
        </span>
        <span className="unseen">{step.state}</span>
        <span className="truncate" title={step.name === 'commit' ? l.subject : step.note}>
          {step.name === 'commit' && l.revision ? (
            <span className="mono">{short(l.revision)}</span>
          ) : (
            step.note || (step.state === 'todo' ? '' : step.state)
          )}
        </span>
      </span>
      <span
        className="truncate text-sm text-muted"
        title={step.name === 'commit' ? `${l.author ?? ''} ${l.subject ?? ''}` : undefined}
      >
        {step.name === 'commit' && l.author ? l.author.replace(/ <.*/, '') : null}
        {step.name !== 'commit' &&
          step.took !== undefined &&
          (step.took > 0 ? `+${lasted(step.took * 1000)}` : 'under 1 s')}
        {step.name !== 'commit' && step.took === undefined && running && step.at && `+${lasted(so)}…`}
        &nbsp;
      </span>
    </li>
  );
}
