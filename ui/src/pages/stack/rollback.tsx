import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { api, sent } from '@/api/client';
import { asProblem } from '@/api/problem';
import { counted, short } from '@/format/count';
import type { components } from '@/gen/api';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge, type Tone } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { toast } from '@/parts/toast';
import { field, Labelled } from './actions';
import { stackKey } from './data';
import {
  type As,
  byTyping,
  changed,
  earlier,
  likely,
  line,
  nameOf,
  type Preview,
  type Risk,
  spans,
  split,
  verdict,
  wanting,
} from './guard';
import { keyOf } from './ids';
import { Spans } from './span';
import type { StackDetail, StackName } from './types';
import { InGitBox, Ways } from './ways';

type Written = components['schemas']['Reverted'];

const hash = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** What going back to an earlier release would do; read anew for each look. */
export const usePreview = (s: StackName, to: string, as: As) =>
  useQuery({
    queryKey: stackKey(s, 'rollback', to, as),
    enabled: to !== '',
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/rollback', {
          params: { path: s, query: { to, as } },
          signal,
        }),
      ),
  });

/** Goes back to an earlier release: says first what that does and what is lost by it. */
export default function RollbackDialog({
  s,
  stack,
  first,
  onClose,
}: {
  s: StackName;
  stack: StackDetail;
  /** The release to begin with. */
  first?: string;
  onClose(): void;
}) {
  const client = useQueryClient();
  const choices = earlier(stack.releases, stack.revision);
  const [to, setTo] = useState(first ?? String(likely(choices)?.id ?? ''));
  const [commit, setCommit] = useState('');
  const asked = to === 'commit' ? (hash.test(commit) ? commit : '') : to;
  const [as, setAs] = useState<As>('hold');
  const preview = usePreview(s, asked, as);
  const [reason, setReason] = useState('');
  const [span, setSpan] = useState<string>('72h');
  const [losses, setLosses] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const [written, setWritten] = useState<Written>();
  const cancel = useRef<HTMLButtonElement>(null);
  const unit = `${s.namespace}/${s.name}`;
  const p = preview.data;
  // Another way can be chosen though this one cannot be gone.
  const [ways, setWays] = useState<Preview['ways']>();
  useEffect(() => {
    if (p?.ways) setWays(p.ways);
  }, [p?.ways]);
  const lacks = p ? wanting(p, { reason, losses }) : 'Choose where to go back to.';
  const ready = p !== undefined && lacks === undefined && !busy && !preview.isFetching;

  const choose = (next: string) => {
    setTo(next);
    setLosses({});
    setFailed(undefined);
  };
  const change = (next: As) => {
    setAs(next);
    setLosses({});
    setFailed(undefined);
  };
  const run = async () => {
    if (!p || !ready) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const done = await sent(
        api.POST('/api/v1/stacks/{namespace}/{name}/rollback', {
          params: { path: s },
          body: { to: asked, as, digest: p.digest, for: span, reason: reason.trim(), accept: p.accept },
        }),
      );
      void client.invalidateQueries({ queryKey: stackKey(s, 'detail') });
      if (done.git && as === 'branch') {
        setWritten(done.git); // where to go from here is to be read
        setBusy(false);
        return;
      }
      toast(
        done.git
          ? `${short(done.git.commit)} on ${done.git.branch} takes ${s.name} back to ${short(done.revision)}`
          : `${s.name} is held at ${short(done.revision)}`,
        { about: done.commands.at(-1) },
      );
      onClose();
    } catch (e) {
      // What was agreed to was that preview; another wants agreeing to again.
      setFailed(e);
      setLosses({});
      setBusy(false);
      if (asProblem(e).status === 409) void preview.refetch();
    }
  };

  if (written) return <Pushed s={s} written={written} onClose={onClose} />;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Roll back ${s.name}`}
      about={
        stack.revision && (
          <>
            Live is <span className="mono">{short(stack.revision)}</span>. The stack is held at the earlier commit, or
            Git goes back to it.
          </>
        )
      }
      actions={
        <>
          <p aria-live="polite" className="mr-auto self-center text-sm text-muted">
            {p ? lacks : ''}
          </p>
          <Button ref={cancel} look={p?.guard === 3 ? 'primary' : 'plain'} onClick={onClose}>
            Cancel
          </Button>
          {p && (
            <Button look={p.guard >= 2 ? 'danger' : 'primary'} disabled={!ready} onClick={() => void run()}>
              {verdict(p)}
            </Button>
          )}
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          // Enter says yes only where nothing is deleted; past that the button is meant.
          if (p && p.guard < 2) void run();
          else cancel.current?.focus();
        }}
      >
        <Labelled label="Back to" error={to === 'commit' && commit && !asked ? 'a full commit hash' : undefined}>
          {(id) => (
            <div className="flex flex-wrap gap-2">
              <select
                id={id}
                value={to}
                onChange={(e) => choose(e.target.value)}
                className="h-7 max-w-full min-w-0 flex-1 rounded-md border border-edge bg-bg px-1.5"
              >
                {to === '' && <option value="">no earlier release is known</option>}
                {first && !choices.some((r) => String(r.id) === first) && <option value={first}>{first}</option>}
                {choices.map((r) => (
                  <option key={r.id} value={String(r.id)}>
                    {`${r.id} · ${short(r.revision)} ${r.subject ?? ''} · ${r.outcome.toLowerCase()}`.slice(0, 110)}
                  </option>
                ))}
                <option value="commit">another commit…</option>
              </select>
              {to === 'commit' && (
                <input
                  aria-label="Commit hash"
                  value={commit}
                  spellCheck={false}
                  autoComplete="off"
                  onChange={(e) => setCommit(e.target.value.trim())}
                  className={`${field} mono`}
                />
              )}
            </div>
          )}
        </Labelled>
        {ways && ways.length > 1 && <Ways ways={ways} value={as} onChange={change} />}
        {failed !== undefined && (
          <ProblemPanel of={failed} what="It was not rolled back. Below is what it would do now." />
        )}
        {preview.error && !p && (
          <ProblemPanel
            of={preview.error}
            what="What it would do could not be found out."
            onRetry={() => void preview.refetch()}
          />
        )}
        {asked && !p && !preview.error && <SkeletonRows label="Comparing with what is live" rows={4} />}
        {p && (
          <>
            <p className="flex flex-wrap items-center gap-x-2 text-muted">
              <span className="mono">{short(p.revision)}</span>
              <span className="min-w-0 truncate">{p.subject}</span>
              {p.author && <span>· {p.author.replace(/ <.*/, '')}</span>}
              <span className="ml-auto">
                computed against live, <Ago at={preview.dataUpdatedAt} />
              </span>
              <Button look="bare" disabled={preview.isFetching} onClick={() => void preview.refetch()}>
                Look again
              </Button>
            </p>
            {p.problem && (
              <Box tone="bad" title="Cannot be carried out whole">
                <p className="break-words whitespace-pre-line">{p.problem}</p>
              </Box>
            )}
            <Risks p={p} losses={losses} onLoss={(id, said) => setLosses({ ...losses, [id]: said })} />
            <Changes p={p} />
            {p.git && <InGitBox git={p.git} as={as} />}
            {p.hooks.length > 0 && (
              <Box title={`Runs ${counted(p.hooks.length, 'hook')}`}>
                <ol className="mono">
                  {p.hooks.map((h) => (
                    <li key={h} className="break-all">
                      {h}
                    </li>
                  ))}
                </ol>
              </Box>
            )}
            {p.stays.length > 0 && (
              <Box title="Will not undo">
                <ul>
                  {p.stays.map((what) => (
                    <li key={what}>○ {what}</li>
                  ))}
                </ul>
              </Box>
            )}
            {as === 'hold' && (
              <Spans
                label="Hold for; then what Git says goes live"
                value={span}
                options={spans.hold}
                onChange={setSpan}
              />
            )}
            <Labelled label={as === 'hold' ? 'Reason, for whoever finds Git ahead' : 'Reason, for the commit'}>
              {(id) => (
                <input
                  id={id}
                  value={reason}
                  maxLength={1000}
                  required
                  onChange={(e) => setReason(e.target.value)}
                  className={field}
                />
              )}
            </Labelled>
            <div>
              <p className="mb-1 text-sm text-muted">The same on the command line</p>
              <Cli
                line={line('rollback', unit, [
                  ['to', asked],
                  ['as', as === 'hold' ? '' : as],
                  ['for', as === 'hold' ? span : ''],
                  ['reason', reason.trim() || 'WHY'],
                  ...p.accept.map((id) => ['accept-loss', id] as const),
                ])}
              />
            </div>
          </>
        )}
        {!asked && to === '' && (
          <Empty title="Nothing to go back to">There is no earlier release in its history.</Empty>
        )}
      </form>
    </Dialog>
  );
}

/** The branch is there; what is left to do is elsewhere. */
function Pushed({ s, written, onClose }: { s: StackName; written: Written; onClose(): void }) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      size="small"
      title={`A branch takes ${s.name} back`}
      about={
        <>
          <span className="mono">{short(written.commit)}</span> is on{' '}
          <span className="mono break-all">{written.branch}</span>. Nothing changes before it is merged into{' '}
          <span className="mono break-all">{written.base}</span>.
        </>
      }
      actions={<Button onClick={onClose}>Close</Button>}
    >
      <p>
        {written.pullRequest ? (
          <a
            href={written.pullRequest}
            target="_blank"
            rel="noopener noreferrer"
            className="text-accent hover:underline"
          >
            Open a pull request
          </a>
        ) : (
          'Open a pull request for it where the repository is.'
        )}
      </p>
    </Dialog>
  );
}

function Box({ title, tone, children }: { title: ReactNode; tone?: 'bad' | 'warn'; children: ReactNode }) {
  const looks = tone === 'bad' ? 'border-bad' : tone === 'warn' ? 'border-warn' : 'border-line';
  const words = tone === 'bad' ? 'text-bad' : tone === 'warn' ? 'text-warn' : '';
  return (
    <section className={`rounded-lg border px-3 py-2 ${looks}`}>
      <h3 className={`mb-1 font-medium ${words}`}>{title}</h3>
      {children}
    </section>
  );
}

function Risks({
  p,
  losses,
  onLoss,
}: {
  p: Preview;
  losses: Readonly<Record<string, string>>;
  onLoss(id: string, said: string): void;
}) {
  const { losses: lost, reviews } = split(p.risks);
  return (
    <>
      {lost.length > 0 && (
        <Box tone="bad" title="Will lose">
          <RiskList risks={lost} />
          <div className="mt-2 flex flex-col gap-2 border-t border-line pt-2">
            {p.accept.map((id) =>
              byTyping(p) ? (
                <Labelled key={id} label={`Type ${nameOf(id)} to accept that it may be lost`}>
                  {(field_) => (
                    <input
                      id={field_}
                      value={losses[id] ?? ''}
                      autoComplete="off"
                      spellCheck={false}
                      onChange={(e) => onLoss(id, e.target.value)}
                      className={field}
                    />
                  )}
                </Labelled>
              ) : (
                <label key={id} className="inline-flex min-h-6 items-center gap-2">
                  <input
                    type="checkbox"
                    checked={losses[id] === nameOf(id)}
                    onChange={(e) => onLoss(id, e.target.checked ? nameOf(id) : '')}
                  />
                  <span className="mono break-all">{id}</span> may be lost
                </label>
              ),
            )}
          </div>
        </Box>
      )}
      {reviews.length > 0 && (
        <Box tone="warn" title="Look at">
          <RiskList risks={reviews} />
        </Box>
      )}
    </>
  );
}

const RiskList = ({ risks }: { risks: Risk[] }) => (
  <ul className="flex flex-col gap-1.5">
    {risks.map((r) => (
      <li key={`${r.rule} ${r.id} ${r.verb}`}>
        <p className="break-words">
          {r.id && <span className="mono mr-2 break-all">{r.id}</span>}
          {r.why} <span className="text-muted">({r.rule})</span>
        </p>
        {r.keep && <p className="break-words text-muted">Keep it: {r.keep}</p>}
      </li>
    ))}
  </ul>
);

export const verbTone: Record<string, Tone> = {
  delete: 'bad',
  replace: 'bad',
  update: 'warn',
  create: 'ok',
  orphan: 'idle',
};

/** All that changes, what goes first; open where somebody has to have read it. */
function Changes({ p }: { p: Preview }) {
  const n = changed(p);
  const objects = p.objects.filter((o) => o.verb !== 'leave');
  const { update, create, replace, delete: gone } = p.summary;
  if (n === 0)
    return <p className="rounded-lg border border-line px-3 py-2">Nothing changes: live is the same already.</p>;
  return (
    <details open={p.guard >= 2} className="rounded-lg border border-line px-3 py-2">
      <summary className="min-h-6 cursor-pointer">
        <span className="font-medium">Will change {counted(n, 'object')}</span>{' '}
        <span className="text-muted">
          <span aria-hidden>
            ~{update} +{create} −{gone}
            {replace > 0 && ` ⟳${replace}`}
          </span>
          <span className="unseen">
            {update} updated, {create} created, {gone} deleted, {replace} replaced
          </span>
        </span>
      </summary>
      <ul className="mt-1 max-h-60 overflow-y-auto">
        {objects.map((o) => {
          const key = keyOf(o.id);
          return (
            <li key={o.id} className="flex items-center gap-2 py-0.5">
              <Badge tone={verbTone[o.verb] ?? 'idle'}>{o.verb}</Badge>
              <span className="min-w-0 truncate">
                {key.kind}/{key.name}
              </span>
              <span className="ml-auto min-w-0 truncate text-sm text-muted">
                {o.verb === 'update'
                  ? o.fields
                      .map((f) => f.path)
                      .slice(0, 2)
                      .join(', ')
                  : o.reason}
              </span>
            </li>
          );
        })}
        {p.left > 0 && <li className="text-muted">and {counted(p.left, 'more object')}</li>}
      </ul>
    </details>
  );
}
