import { useLocation } from 'wouter';
import { useCommands } from '@/commands/commands';
import { short } from '@/format/count';
import { ButtonLink } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import { Lasted, Time } from '@/parts/time';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { compareHref, releaseHref, stackHref } from '@/url/hrefs';
import { useStack } from './stack/data';
import { Section } from './stack/drawer';
import { FlowStrip } from './stack/header';
import { outcomeTone } from './stack/timeline-tab';

/** One release: which commit, whose, how it went and how long each step took. */
export default function Release({ params }: PageProps) {
  const s = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const id = Number(params.release);
  const { data, error, refetch } = useStack(s);
  const [, navigate] = useLocation();
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
      {current && (
        <Section title="From commit to healthy">
          <FlowStrip stack={data} />
        </Section>
      )}
    </div>
  );
}
