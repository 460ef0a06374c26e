import { useQueryClient } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { useLocation } from 'wouter';
import { api, sent } from '@/api/client';
import { useCommands } from '@/commands/commands';
import { counted, short } from '@/format/count';
import { lasted } from '@/format/time';
import { cx } from '@/parts/cx';
import { HealthMark, StepMark, type Tone, toneText } from '@/parts/status-mark';
import { Ago, Lasted, Time, useNow } from '@/parts/time';
import { toast, toastProblem } from '@/parts/toast';
import { stackHref } from '@/url/hrefs';
import { stackKey, useVerbs } from './data';
import { ahead } from './guard';
import { FollowDialog } from './hold';
import { MayButton, refusal } from './may';
import { PauseDialog, useResume } from './pause';
import type { StackDetail, StackName } from './types';

// Fetched when somebody thinks of going back.
const RollbackDialog = lazy(() => import('./rollback'));

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

type Asking = 'pause' | 'rollback' | 'follow';

export function StackHeader({ s, stack }: { s: StackName; stack: StackDetail }) {
  const { busy, run } = useReconcile(s);
  const resume = useResume(s);
  const verbs = useVerbs(s);
  const [asking, ask] = useState<Asking>();
  const [place] = useLocation();
  const unit = `${s.namespace}/${s.name}`;
  const no = {
    reconcile: refusal(verbs, 'reconcile'),
    pause: refusal(verbs, 'pause'),
    rollback: refusal(verbs, 'rollback'),
  };
  const may = (verb: keyof typeof no, act: () => void) => () => {
    if (no[verb]) toast('Not allowed', { about: no[verb] });
    else act();
  };
  const pauseOrResume = may('pause', () => (stack.pause ? void resume.run() : ask('pause')));
  useCommands([
    {
      id: 'stack.reconcile',
      label: 'Reconcile now',
      group: 'This page',
      keys: 'r',
      cli: `lockstep reconcile ${unit}`,
      run: may('reconcile', () => void run()),
    },
    {
      id: 'stack.pause',
      label: stack.pause ? 'Resume' : 'Pause…',
      group: 'This page',
      // In a diff, p goes to the difference before.
      keys: place === stackHref(s, 'diff') ? undefined : 'p',
      cli: `lockstep ${stack.pause ? 'resume' : 'pause'} ${unit}`,
      run: pauseOrResume,
    },
    {
      id: 'stack.rollback',
      label: 'Roll back…',
      group: 'This page',
      keys: 'R',
      cli: `lockstep rollback ${unit} --to N`,
      run: may('rollback', () => ask('rollback')),
    },
  ]);
  const message = stack.fullMessage || stack.message;
  const newest = stack.hold && ahead(stack.hold.revision, stack.sourceState?.shortRevision);
  const close = () => ask(undefined);
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
        <span className="ml-auto flex flex-wrap items-center gap-2">
          <MayButton
            hint="r"
            disabled={busy}
            refused={no.reconcile}
            title={`lockstep reconcile ${unit}`}
            onClick={() => void run()}
          >
            Reconcile now
          </MayButton>
          {!stack.pause && (
            <MayButton hint="p" refused={no.pause} title={`lockstep pause ${unit}`} onClick={() => ask('pause')}>
              Pause…
            </MayButton>
          )}
          <MayButton
            hint="R"
            refused={no.rollback}
            title={`lockstep rollback ${unit} --to N`}
            onClick={() => ask('rollback')}
          >
            Roll back…
          </MayButton>
        </span>
      </div>
      {stack.pause && (
        <Notice
          tone="warn"
          action={
            <MayButton
              hint="p"
              disabled={resume.busy}
              refused={no.pause}
              title={`lockstep resume ${unit}`}
              onClick={() => void resume.run()}
            >
              Resume
            </MayButton>
          }
        >
          Paused{stack.pause.by && ` by ${stack.pause.by}`}
          {stack.pause.reason && `: ${stack.pause.reason}`} ·{' '}
          {stack.pause.until ? (
            <>
              ends <Ago at={stack.pause.until} />
            </>
          ) : (
            'until somebody resumes it'
          )}
        </Notice>
      )}
      {stack.hold && (
        <Notice
          tone="warn"
          action={
            <MayButton
              refused={no.rollback}
              title={`lockstep rollback ${unit} --release`}
              onClick={() => ask('follow')}
            >
              Follow Git again…
            </MayButton>
          }
        >
          Held at <span className="mono">{short(stack.hold.revision)}</span>
          {stack.hold.by && ` by ${stack.hold.by}`}
          {stack.hold.reason && `: ${stack.hold.reason}`} · until <Time at={stack.hold.until} />, ends{' '}
          <Ago at={stack.hold.until} />
          {newest && (
            <>
              {' '}
              · Git is ahead at <span className="mono">{short(newest)}</span>
            </>
          )}
        </Notice>
      )}
      {message && stack.attention === 'NeedsYou' && (
        <p className="max-w-240 break-words whitespace-pre-line text-muted">{message}</p>
      )}
      <FlowStrip stack={stack} />
      {asking === 'pause' && <PauseDialog s={s} onClose={close} />}
      {asking === 'follow' && stack.hold && <FollowDialog s={s} hold={stack.hold} newest={newest} onClose={close} />}
      {asking === 'rollback' && (
        <Suspense>
          <RollbackDialog s={s} stack={stack} onClose={close} />
        </Suspense>
      )}
    </header>
  );
}

function Notice({ tone, action, children }: { tone: 'warn' | 'bad'; action?: ReactNode; children: ReactNode }) {
  return (
    <div
      className={cx(
        'flex flex-wrap items-center gap-x-3 gap-y-1 rounded-md px-3 py-1.5',
        tone === 'warn' ? 'bg-warn-soft text-warn' : 'bg-bad-soft text-bad',
      )}
    >
      <p className="min-w-0 flex-1 break-words">{children}</p>
      {action && <span className="text-text">{action}</span>}
    </div>
  );
}

type Step = NonNullable<StackDetail['lifecycle']>['steps'][number];

const words: Record<string, string> = {
  commit: 'Commit',
  fetched: 'Fetched',
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
    <div className="flex flex-wrap items-stretch gap-x-3 gap-y-1">
      <ol
        aria-label="From commit to healthy"
        className="flex min-w-0 flex-[1_1_44rem] overflow-x-auto rounded-lg border border-line bg-panel"
      >
        {l.steps.map((step) => (
          <Station key={step.name} step={step} l={l} />
        ))}
      </ol>
      <dl className="flex flex-wrap content-center gap-x-4 text-sm lg:flex-col lg:justify-center">
        <Took l={l} />
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

/** How long it took: from the commit on where that is what was released, else from when it began. */
function Took({ l }: { l: NonNullable<StackDetail['lifecycle']> }) {
  return (
    <div className="flex gap-1.5">
      <dt className="text-muted">{l.lead !== undefined ? 'commit to healthy' : l.finished ? 'took' : 'so far'}</dt>
      <dd>
        {l.lead !== undefined && lasted(l.lead * 1000)}
        {l.lead === undefined && !l.started && '–'}
        {l.lead === undefined && l.started && l.started === l.finished && 'under 1 s'}
        {l.lead === undefined && l.started && l.started !== l.finished && <Lasted from={l.started} to={l.finished} />}
      </dd>
    </div>
  );
}

function Station({ step, l }: { step: Step; l: NonNullable<StackDetail['lifecycle']> }) {
  const [sign, tone] = signs[step.state] ?? ['·', 'idle'];
  const now = useNow(1000);
  const running = step.state === 'running' || step.state === 'waiting';
  const so = step.at ? Math.max(0, now - Date.parse(step.at)) : 0;
  return (
    <li className="flex min-w-28 flex-1 flex-col gap-0.5 border-l border-line px-3 py-2 first:border-l-0">
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
        {step.name === 'commit' && (
          <span className="inline-flex max-w-full gap-1.5 align-bottom">
            {l.author && <span className="min-w-0 truncate">{l.author.replace(/ <.*/, '')}</span>}
            {step.at && <Time at={step.at} className="shrink-0" />}
          </span>
        )}
        {step.name !== 'commit' &&
          step.took !== undefined &&
          (step.took >= 0.005 ? `+${lasted(step.took * 1000)}` : 'under 10 ms')}
        {step.name !== 'commit' && step.took === undefined && running && step.at && `+${lasted(so)}…`}
        &nbsp;
      </span>
    </li>
  );
}
