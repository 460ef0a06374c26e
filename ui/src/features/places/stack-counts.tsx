import { Link } from 'wouter';
import type { Counts } from '@/api/types';
import { fleetHref } from '@/features/fleet/params';
import { count } from '@/format/count';
import { cx } from '@/parts/cx';
import { toneText } from '@/parts/status-mark';
import { countParts } from './text';

/** How many Stacks there are, and how many of them need somebody or move; each leads to them. */
export function StackCounts({ counts, filter }: { counts: Counts; filter: string }) {
  if (counts.total === 0) return <span className="text-muted">none</span>;
  const parts = countParts(counts, filter).filter((p) => p.is !== 'InStep');
  return (
    <span className="whitespace-nowrap">
      <Link href={fleetHref({ q: filter })} className="underline-offset-2 hover:underline" tabIndex={-1}>
        {count(counts.total)}
      </Link>
      {parts.map((p) => (
        <span key={p.is} className={p.is === 'NeedsYou' ? 'text-bad' : 'text-muted'}>
          {' · '}
          {count(p.n)} {p.words}
        </span>
      ))}
    </span>
  );
}

/** The same, large: one figure for each state that is there. */
export function StackFigures({ counts, filter }: { counts: Counts; filter: string }) {
  const parts = countParts(counts, filter);
  if (parts.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-2">
      {parts.map((p) => (
        <li key={p.is}>
          <Link
            href={fleetHref({ q: p.q })}
            className="flex items-baseline gap-1.5 rounded-md border border-line bg-panel px-3 py-1.5 hover:bg-hover"
          >
            <span className={cx('text-lg font-semibold', p.is !== 'InStep' && toneText[p.tone])}>{count(p.n)}</span>
            <span className="text-muted">{p.words}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
