import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { api, sent } from '@/api/client';
import { useCommands } from '@/commands/commands';
import { counted, short } from '@/format/count';
import { lasted } from '@/format/time';
import { ButtonLink } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge, type Tone } from '@/parts/status-mark';
import { Lasted, Time } from '@/parts/time';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { compareHref, releaseHref, stackHref } from '@/url/hrefs';
import { stackKey, useStack } from './stack/data';
import { Section } from './stack/drawer';
import { FlowStrip } from './stack/header';
import { byVerb, type Release as Kept, legs } from './stack/timeline';
import { outcomeTone } from './stack/timeline-tab';

/** One release: which commit, whose, how it went and how long each step took. */
export default function Release({ params }: PageProps) {
  const s = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const id = Number(params.release);
  const { data, error, refetch } = useStack(s);
  const [, navigate] = useLocation();
  const kept = useQuery({
    queryKey: stackKey(s, 'live', 'release', id),
    enabled: Number.isSafeInteger(id) && id > 0,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/releases/{number}', {
          params: { path: { ...s, number: id } },
          signal,
        }),
      ),
  });
  usePage({
    crumbs: [
      { label: 'Fleet', href: '/fleet' },
      { label: s.name, href: stackHref(s) },
      { label: `Release ${params.release}` },
    ],
    cli: `lockstep history ${s.namespace}/${s.name}`,
  });
  const all = data?.releases ?? [];
  const at = all.findIndex((r) => r.id === id);
  const r = all[at];
  const older = all[at + 1];
  const newer = at > 0 ? all[at - 1] : undefined;
  useCommands([
    {
      id: 'release.previous',
      label: 'Release before',
      group: 'This page',
      keys: '[',
      run: () => older && navigate(releaseHref(s, older.id)),
    },
    {
      id: 'release.next',
      label: 'Release after',
      group: 'This page',
      keys: ']',
      run: () => newer && navigate(releaseHref(s, newer.id)),
    },
  ]);
  if (error && !data)
    return (
      <>
        <h1 className="unseen">Release</h1>
        <ProblemPanel className="m-4" of={error} what="The release could not be read." onRetry={() => void refetch()} />
      </>
    );
  if (!data) return <SkeletonRows label="Reading the release" />;
  if (!r)
    return (
      <Empty title={`Release ${params.release} is not known here`}>The newest releases are in the timeline.</Empty>
    );
  const current = data.lifecycle?.release === r.id;
  return (
    <div className="flex h-full min-h-0 flex-col gap-4 overflow-y-auto p-4">
      <header className="flex flex-wrap items-center gap-3">
        <h1 className="text-xl font-semibold">Release {r.id}</h1>
        <Badge tone={outcomeTone[r.outcome] ?? 'idle'}>{r.outcome.toLowerCase()}</Badge>
        {current && <Badge tone="idle">live</Badge>}
        <span className="ml-auto flex gap-2">
          {older && <ButtonLink to={releaseHref(s, older.id)}>‹ {older.id}</ButtonLink>}
          {newer && <ButtonLink to={releaseHref(s, newer.id)}>{newer.id} ›</ButtonLink>}
          {older && <ButtonLink to={compareHref(s, older.id, r.id)}>Compare with {older.id}</ButtonLink>}
          <ButtonLink to={stackHref(s, `manifest?revision=${r.revision}`)}>Manifest</ButtonLink>
        </span>
      </header>
      <dl className="grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1">
        <dt className="text-muted">Commit</dt>
        <dd className="min-w-0 break-words">
          <span className="mono">{short(r.revision)}</span> {r.subject}
        </dd>
        <dt className="text-muted">Author</dt>
        <dd>{r.author || '–'}</dd>
        <dt className="text-muted">Because of</dt>
        <dd>
          {r.cause}
          {r.times > 1 && `, ${r.times} times in a row`}
        </dd>
        <dt className="text-muted">Began</dt>
        <dd>
          <Time at={r.started} />, took <Lasted from={r.started} to={r.finished} />
        </dd>
        <dt className="text-muted">Plan</dt>
        <dd className="min-w-0 break-words">
          {r.summary} <span className="mono text-muted">{short(r.digest.replace(/^sha256:/, ''))}</span>
        </dd>
      </dl>
      {r.message && <p className="rounded-md bg-sunken px-3 py-2 break-words whitespace-pre-line">{r.message}</p>}
      {kept.data && <Record of={kept.data} />}
      {kept.isPending && <SkeletonRows label="Reading its record" rows={3} />}
      {kept.error && !kept.data && <ProblemPanel of={kept.error} what="What it did to each object is not on record." />}
      {current && (
        <Section title="From commit to healthy">
          <FlowStrip stack={data} />
        </Section>
      )}
    </div>
  );
}

const verbTone: Record<string, Tone> = { delete: 'bad', replace: 'bad', update: 'warn', create: 'ok', orphan: 'idle' };
const resultTone: Record<string, Tone> = { done: 'ok', failed: 'bad', skipped: 'warn', unchanged: 'idle' };

/** What the record keeps of a release: what each step took, and what came of each object. */
function Record({ of }: { of: Kept }) {
  const took = legs(of.steps);
  const objects = byVerb(of.objects ?? []);
  return (
    <>
      {took.length > 0 && (
        <Section title="What each step took">
          <dl className="flex flex-wrap gap-x-6 gap-y-1">
            {took.map((leg) => (
              <div key={leg.name} className="flex gap-1.5">
                <dt className="text-muted">{leg.name}</dt>
                <dd>{lasted(leg.ms)}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <Section title={`Objects (${objects.length + (of.moreObjects ?? 0)})`}>
        {objects.length === 0 && <p className="text-muted">Nothing was changed.</p>}
        <ul>
          {objects.map((o) => (
            <li key={`${o.verb} ${o.object}`} className="border-b border-line/60 py-1.5">
              <p className="flex flex-wrap items-center gap-2">
                <Badge tone={verbTone[o.verb] ?? 'idle'}>{o.verb}</Badge>
                <span className="mono min-w-0 break-all">{o.object}</span>
                <Badge tone={resultTone[o.result ?? ''] ?? 'idle'}>{o.result ?? 'not reached'}</Badge>
                <span className="text-muted">{o.note || o.reason}</span>
              </p>
              {o.error && <p className="break-words text-bad">{o.error}</p>}
              <ul className="pl-4">
                {(o.changes ?? []).map((c) => (
                  <li key={c.path} className="mono break-all">
                    {c.path} <span className="text-bad">{c.from || '—'}</span> →{' '}
                    <span className="text-ok">{c.to || '—'}</span>
                    {c.manager && <span className="text-muted"> was {c.manager}’s</span>}
                  </li>
                ))}
                {o.moreFields && <li className="text-muted">and {counted(o.moreFields, 'more field')}</li>}
              </ul>
            </li>
          ))}
        </ul>
        {of.moreObjects && <p className="text-muted">{counted(of.moreObjects, 'more object')} were not kept.</p>}
      </Section>
    </>
  );
}
