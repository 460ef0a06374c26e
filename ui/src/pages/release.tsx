import { useLocation } from 'wouter';
import { asProblem } from '@/api/problem';
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
import { useRelease, useStack } from './stack/data';
import { Section } from './stack/drawer';
import { FlowStrip } from './stack/header';
import { byVerb, type Release as Kept, legs, ownSteps, releaseShown } from './stack/timeline';
import { outcomeTone } from './stack/timeline-tab';

/** One release: which commit, whose, how it went and how long each step took. */
export default function Release({ params }: PageProps) {
  const s = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const id = /^[1-9]\d{0,9}$/.test(params.release ?? '') ? Number(params.release) : 0;
  const { data, error, refetch } = useStack(s);
  const [, navigate] = useLocation();
  const kept = useRelease(s, id);
  usePage({
    crumbs: [
      { label: 'Fleet', href: '/fleet' },
      { label: s.namespace, href: `/fleet?q=ns:${s.namespace}` },
      { label: s.name, href: stackHref(s) },
      { label: `Release ${params.release}` },
    ],
    cli: `lockstep history ${s.namespace}/${s.name}`,
  });
  const newest = data?.releases[0]?.id ?? 0;
  const r = releaseShown(
    data?.releases.find((x) => x.id === id),
    kept.data,
  );
  const older = id > 1 ? Math.min(id - 1, newest) : 0;
  const newer = id > 0 && id < newest ? id + 1 : 0;
  const go = (n: number) => () => n > 0 && navigate(releaseHref(s, n));
  useCommands([
    { id: 'release.previous', label: 'Release before', group: 'This page', keys: '[', run: go(older) },
    { id: 'release.next', label: 'Release after', group: 'This page', keys: ']', run: go(newer) },
  ]);
  if (error && !data)
    return (
      <>
        <h1 className="unseen">Release</h1>
        <ProblemPanel className="m-4" of={error} what="The release could not be read." onRetry={() => void refetch()} />
      </>
    );
  // What the Stack remembers is shown at once; for an older one the record is waited for.
  if (!data || (!r && kept.isLoading)) return <SkeletonRows label="Reading the release" />;
  if (!r) {
    const gone = kept.error === null || asProblem(kept.error).status === 404;
    return (
      <>
        {!gone && (
          <ProblemPanel
            className="m-4"
            of={kept.error}
            what={`Release ${params.release} could not be read.`}
            onRetry={() => void kept.refetch()}
          />
        )}
        <Empty page title={gone ? `There is no release ${params.release} on record` : `Release ${params.release}`}>
          <p>
            {newest === 0 && 'Nothing has been released yet.'}
            {newest > 0 && id > newest && `The newest is ${newest}.`}
            {newest > 0 && id <= newest && 'Old ones are removed after a time that the server is told.'}
          </p>
          <p className="mt-3 flex justify-center gap-2">
            <ButtonLink to={stackHref(s, 'timeline')}>Timeline</ButtonLink>
            {newest > 0 && <ButtonLink to={releaseHref(s, newest)}>Release {newest}</ButtonLink>}
          </p>
        </Empty>
      </>
    );
  }
  const current = data.lifecycle?.release === id;
  return (
    <div className="flex h-full min-h-0 flex-col gap-4 overflow-y-auto p-4">
      <header className="flex flex-wrap items-center gap-3">
        <h1 className="text-xl font-semibold">Release {id}</h1>
        <Badge tone={outcomeTone[r.outcome] ?? 'idle'}>{r.outcome.toLowerCase()}</Badge>
        {current && <Badge tone="idle">newest</Badge>}
        <span className="ml-auto flex flex-wrap gap-2">
          {older > 0 && <ButtonLink to={releaseHref(s, older)}>‹ {older}</ButtonLink>}
          {newer > 0 && <ButtonLink to={releaseHref(s, newer)}>{newer} ›</ButtonLink>}
          {older > 0 && <ButtonLink to={compareHref(s, older, id)}>Compare with {older}</ButtonLink>}
          <ButtonLink to={compareHref(s, id, 'live')}>Compare with live</ButtonLink>
          <ButtonLink to={stackHref(s, `manifest?revision=${r.revision}`)}>Manifest</ButtonLink>
        </span>
      </header>
      <dl className="grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1">
        <dt className="text-muted">Commit</dt>
        <dd className="min-w-0 break-words">
          <span className="mono">{short(r.revision)}</span> {r.subject}
        </dd>
        <dt className="text-muted">Author</dt>
        <dd className="min-w-0 break-words">{r.author || '–'}</dd>
        <dt className="text-muted">Because of</dt>
        <dd>
          {r.cause}
          {r.times > 1 && `, ${r.times} times in a row`}
        </dd>
        <dt className="text-muted">Began</dt>
        <dd>
          <Time at={r.started} />
          {r.started && (
            <>
              , {r.finished ? 'took' : 'for'}{' '}
              {r.started === r.finished ? 'under 1 s' : <Lasted from={r.started} to={r.finished} />}
            </>
          )}
        </dd>
        <dt className="text-muted">Plan</dt>
        <dd className="min-w-0 break-words">
          {r.summary} <span className="mono text-muted">{r.digest.replace(/^sha256:/, '').slice(0, 7)}</span>
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
  const took = legs(ownSteps(of));
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
