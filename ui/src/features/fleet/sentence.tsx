import { Link } from 'wouter';
import type { Counts } from '@/api/types';
import { asksFor } from '@/filter/grammar';
import { count } from '@/format/count';
import { cx } from '@/parts/cx';
import { Skeleton } from '@/parts/skeleton';
import { type FleetParams, fleetHref } from './params';

/**
 * The fleet in one sentence: "7 need you, 31 moving, 9,962 in step". Each part leads
 * to those Stacks.
 */
export function Sentence({ counts, params }: { counts: Counts | undefined; params: FleetParams }) {
  if (!counts) return <Skeleton className="h-7 w-96 max-w-full" />;
  const parts = [
    {
      is: 'NeedsYou',
      n: counts.needsYou,
      words: counts.needsYou === 1 ? 'needs you' : 'need you',
      tone: counts.needsYou > 0 ? 'text-bad' : undefined,
    },
    { is: 'Moving', n: counts.moving, words: 'moving', tone: counts.moving > 0 ? 'text-info' : undefined },
    { is: 'Paused', n: counts.paused, words: 'paused', tone: undefined },
    { is: 'InStep', n: counts.inStep, words: 'in step', tone: undefined },
  ].filter((p) => p.n > 0 || p.is === 'NeedsYou');
  return (
    <h1 className="flex flex-wrap items-baseline gap-x-5 gap-y-1 text-xl font-semibold">
      {parts.map((p) => {
        const on = asksFor(params.q, 'is', p.is);
        return (
          <Link
            key={p.is}
            href={fleetHref({ ...params, q: on ? '' : `is:${p.is}` })}
            aria-current={on || undefined}
            className={cx('group -mx-1 rounded px-1 hover:bg-hover', on && 'bg-picked')}
          >
            <span className={cx('tabular-nums', p.tone)}>{p.n === 0 ? 'Nobody' : count(p.n)}</span>{' '}
            <span className="font-normal text-muted group-hover:text-text">
              {p.n === 0 ? 'is waiting for you' : p.words}
            </span>
          </Link>
        );
      })}
    </h1>
  );
}
