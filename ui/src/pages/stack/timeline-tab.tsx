import { Link } from 'wouter';
import { short } from '@/format/count';
import { Empty } from '@/parts/empty';
import { Badge, type Tone } from '@/parts/status-mark';
import { Lasted, Time } from '@/parts/time';
import { compareHref, releaseHref } from '@/url/hrefs';
import type { ReleaseRow, StackDetail, StackName } from './types';

export const outcomeTone: Record<string, Tone> = {
  Succeeded: 'ok',
  Failed: 'bad',
  Progressing: 'info',
  Superseded: 'idle',
};

/** One row for each release, and one for drift that was healed, however often. */
export function TimelineTab({ s, stack }: { s: StackName; stack: StackDetail }) {
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
