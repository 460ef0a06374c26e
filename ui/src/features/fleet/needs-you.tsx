import { ChevronRight } from 'lucide-react';
import { Link } from 'wouter';
import type { StackRow } from '@/api/types';
import { counted } from '@/format/count';
import { HealthMark, StepMark } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { stackHref } from '@/url/hrefs';
import { keyOf } from './news';
import { fleetHref } from './params';

const most = 5;

/** What waits for a person, over everything else; healthy things are only a number. */
export function NeedsYou({ rows, total }: { rows: readonly StackRow[]; total: number }) {
  const shown = rows.filter((r) => r.attention === 'NeedsYou').slice(0, most);
  if (shown.length === 0) return null;
  return (
    <section aria-labelledby="needs-you" className="overflow-hidden rounded-lg border border-line bg-panel">
      <header className="flex h-8 items-center gap-3 border-b border-line px-3">
        <h2 id="needs-you" className="font-semibold">
          Needs you
        </h2>
        <span className="flex-1" />
        {total > shown.length && (
          <Link href={fleetHref({ view: 'list', q: 'is:NeedsYou' })} className="text-muted hover:text-text">
            {counted(total - shown.length, 'more', 'more')}, as a list
          </Link>
        )}
      </header>
      <ul>
        {shown.map((row) => (
          <li key={keyOf(row)} className="border-b border-line/70 last:border-0">
            <Link
              href={stackHref(row)}
              className="group flex min-h-9 items-center gap-3 px-3 py-1.5 -outline-offset-2 hover:bg-hover max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:gap-y-0.5"
            >
              <Worst row={row} />
              <span className="mono w-64 max-w-full shrink-0 truncate max-md:w-auto">
                <span className="text-muted">{row.namespace}/</span>
                <span className="font-medium">{row.name}</span>
              </span>
              <span className="w-24 shrink-0 truncate text-muted max-xl:hidden">{row.env ?? row.target}</span>
              <span
                className="min-w-0 flex-1 truncate max-md:order-1 max-md:col-span-2 max-md:text-muted"
                title={row.message}
              >
                {row.message ?? row.reason}
              </span>
              <Ago at={row.changed} className="w-20 shrink-0 text-right text-muted max-md:hidden" />
              <ChevronRight
                size={14}
                aria-hidden
                className="text-muted opacity-0 group-hover:opacity-100 max-md:hidden"
              />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The worse of the two words. */
function Worst({ row }: { row: StackRow }) {
  const byHealth = row.health === 'Degraded' || row.health === 'Missing';
  return (
    <span className="w-28 shrink-0 max-md:order-first">
      {byHealth && row.step !== 'Failing' ? <HealthMark health={row.health} /> : <StepMark step={row.step} />}
    </span>
  );
}
