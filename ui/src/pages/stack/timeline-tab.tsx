import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { api, sent } from '@/api/client';
import { short } from '@/format/count';
import { Button } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge, type Tone } from '@/parts/status-mark';
import { Lasted, Time } from '@/parts/time';
import { compareHref, releaseHref } from '@/url/hrefs';
import { stackKey, useReleases } from './data';
import { LeadBar } from './lead';
import { type Entry, median, newestOfEach, ownSteps, type Release } from './timeline';
import type { ReleaseRow, StackDetail, StackName } from './types';

export const outcomeTone: Record<string, Tone> = {
  Succeeded: 'ok',
  Failed: 'bad',
  Progressing: 'info',
  Superseded: 'idle',
};

const useTimeline = (s: StackName) =>
  useInfiniteQuery({
    queryKey: stackKey(s, 'live', 'timeline'),
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/timeline', {
          params: { path: s, query: { cursor: pageParam || undefined } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next || undefined,
  });

/** What happened, newest first: releases, heals, and what people did. Without a record, what the Stack itself keeps. */
export function TimelineTab({ s, stack }: { s: StackName; stack: StackDetail }) {
  const line = useTimeline(s);
  const { releases, more, fetchMore } = useReleases(s);
  const entries = newestOfEach(line.data?.pages.flatMap((p) => p.items) ?? []);
  // Steps are kept with releases: as many of them are read as the entries reach back.
  const oldest = Math.min(...entries.filter((e) => e.kind === 'release').map((e) => Number(e.data.number)));
  const behind = more && oldest < (releases.at(-1)?.number ?? 0);
  useEffect(() => {
    if (behind) fetchMore();
  });
  if (line.isPending) return <SkeletonRows label="Reading what happened" />;
  if (entries.length === 0) return <Kept s={s} stack={stack} />;
  const byNumber = new Map(releases.map((r) => [r.number, r]));
  const half = median(releases.flatMap((r) => (r.leadSeconds ? [r.leadSeconds * 1000] : [])));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto px-4 py-2">
      <ol aria-label="What happened, newest first">
        {entries.map((e) => (
          <EntryRow key={e.seq} s={s} e={e} release={byNumber.get(Number(e.data.number))} half={half} />
        ))}
      </ol>
      {line.isFetchNextPageError && (
        <ProblemPanel className="my-2" of={line.error} what="What came before could not be read." />
      )}
      {line.hasNextPage ? (
        <Button className="my-2" disabled={line.isFetchingNextPage} onClick={() => void line.fetchNextPage()}>
          {line.isFetchingNextPage ? 'Reading…' : 'Older'}
        </Button>
      ) : (
        <p className="py-2 text-muted">That is all on record.</p>
      )}
    </div>
  );
}

const titles: Partial<Record<Entry['kind'], string>> = {
  heal: 'Drift healed',
  drift: 'Drift',
  approval: 'Approval',
  rollback: 'Rollback',
  pause: 'Pause',
};

interface Field {
  object?: string;
  field?: string;
  git?: string;
  live?: string;
  manager?: string;
}

function EntryRow({ s, e, release, half }: { s: StackName; e: Entry; release?: Release; half?: number }) {
  const number = e.kind === 'release' || e.kind === 'heal' ? Number(e.data.number) : 0;
  const title = e.kind === 'release' ? `Release ${number}` : (titles[e.kind] ?? e.kind);
  const fields =
    (e.kind === 'heal' ? (e.data.fields as Field[] | undefined) : e.kind === 'drift' ? [e.data as Field] : []) ?? [];
  const revision = String(e.data.revision ?? '');
  return (
    <li className="flex gap-3 border-b border-line/60 py-2">
      <span className="w-24 shrink-0 text-muted">
        <Time at={e.time} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2">
          {number > 0 ? (
            <Link href={releaseHref(s, number)} className="font-medium hover:underline">
              {title}
            </Link>
          ) : (
            <span className="font-medium">{title}</span>
          )}
          {e.kind !== 'release' && e.verb !== e.kind && <span>{e.verb}</span>}
          {e.outcome && <Badge tone={outcomeTone[e.outcome] ?? 'idle'}>{e.outcome.toLowerCase()}</Badge>}
          {e.kind === 'release' && <span className="mono text-muted">{short(revision)}</span>}
          {e.kind === 'release' && <span className="min-w-0 truncate">{String(e.data.subject ?? '')}</span>}
        </p>
        <p className="break-words text-muted">
          {e.kind === 'release' ? String(e.data.author ?? '').replace(/ <.*/, '') : e.person.display || e.person.name}
          {/* That of a heal is the commit it goes back to, which did nothing. */}
          {e.reason && e.kind !== 'heal' && e.reason !== e.data.subject && ` · ${e.reason}`}
        </p>
        {fields.slice(0, 3).map((f) => (
          <p key={`${f.object} ${f.field}`} className="mono break-all text-muted">
            {f.object} {f.field} {f.live || '—'} → {f.git || '—'}
            {f.manager && ` (${f.manager})`}
          </p>
        ))}
        {fields.length > 3 && <p className="text-muted">and {fields.length - 3} more</p>}
      </div>
      {release && (
        <span className="shrink-0 text-muted">
          <LeadBar of={ownSteps(release)} median={half} />
        </span>
      )}
    </li>
  );
}

/** One row for each release that the Stack remembers, and one for drift that was healed, however often. */
function Kept({ s, stack }: { s: StackName; stack: StackDetail }) {
  const rows = stack.releases;
  if (rows.length === 0) return <Empty title="No release yet">The first one appears here as it happens.</Empty>;
  return (
    <ol aria-label="Releases, newest first" className="min-h-0 flex-1 overflow-y-auto px-4 py-2">
      {rows.map((r, i) => (
        <Row key={r.id} s={s} r={r} before={rows[i + 1]} current={i === 0} />
      ))}
    </ol>
  );
}

function Row({ s, r, before, current }: { s: StackName; r: ReleaseRow; before?: ReleaseRow; current: boolean }) {
  const heal = r.cause === 'drift';
  return (
    <li className="flex gap-3 border-b border-line/60 py-2">
      <span className="w-24 shrink-0 text-muted">
        <Time at={r.started} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2">
          <Link href={releaseHref(s, r.id)} className="font-medium hover:underline">
            {heal ? 'Drift healed' : `Release ${r.id}`}
          </Link>
          {heal && r.times > 1 && <span className="text-muted">{r.times} times in a row</span>}
          <Badge tone={outcomeTone[r.outcome] ?? 'idle'}>{r.outcome.toLowerCase()}</Badge>
          {current && <Badge tone="idle">live</Badge>}
          <span className="mono text-muted">{short(r.revision)}</span>
          <span className="min-w-0 truncate">{r.subject}</span>
        </p>
        <p className="text-muted">
          {r.summary}
          {r.author && ` · ${r.author.replace(/ <.*/, '')}`}
          {!heal && r.cause !== 'commit' && ` · for ${r.cause === 'spec' ? 'a change of the stack' : r.cause}`}
        </p>
        {r.message && r.outcome === 'Failed' && <p className="break-words text-bad">{r.message}</p>}
      </div>
      <span className="flex shrink-0 flex-col items-end text-muted">
        <Lasted from={r.started} to={r.finished} />
        {before && before.revision !== r.revision && (
          <Link href={compareHref(s, before.id, r.id)} className="min-h-6 hover:text-text hover:underline">
            compare
          </Link>
        )}
      </span>
    </li>
  );
}
