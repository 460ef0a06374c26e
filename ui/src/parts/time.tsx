import { useSyncExternalStore } from 'react';
import { ago, fullTime, lasted, shortTime } from '@/format/time';
import { cx } from './cx';

// One clock for the page: labels change together, and only as often as they must.
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const l of listeners) l();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time in steps of so many milliseconds. */
export function useNow(every = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor((timer ? now : Date.now()) / every) * every);
}

type Instant = string | number | Date | undefined | null;

const millis = (at: Instant): number =>
  at === undefined || at === null || at === '' ? Number.NaN : new Date(at).getTime();

/** How long ago something was; the exact time on hover. */
export function Ago({ at, className }: { at: Instant; className?: string }) {
  const then = millis(at);
  // Five seconds are enough for "12 s ago", and keep a long list still.
  const time = useNow(5000);
  if (Number.isNaN(then)) return <span className={cx('text-muted', className)}>–</span>;
  return (
    <time dateTime={new Date(then).toISOString()} title={fullTime(then)} className={cx('whitespace-nowrap', className)}>
      {ago(then, Math.max(time, then > Date.now() ? 0 : then))}
    </time>
  );
}

/** A point in time: 14:02, or 3 Mar 14:02 when that was another day. */
export function Time({ at, className }: { at: Instant; className?: string }) {
  const then = millis(at);
  const time = useNow(60_000);
  if (Number.isNaN(then)) return <span className={cx('text-muted', className)}>–</span>;
  return (
    <time dateTime={new Date(then).toISOString()} title={fullTime(then)} className={cx('whitespace-nowrap', className)}>
      {shortTime(then, time)}
    </time>
  );
}

/** How long something took, or has been taking so far when it has no end. */
export function Lasted({ from, to, className }: { from: Instant; to?: Instant; className?: string }) {
  const time = useNow(1000);
  const end = millis(to);
  return (
    <span className={cx('whitespace-nowrap', className)}>
      {lasted((Number.isNaN(end) ? Math.max(time, millis(from)) : end) - millis(from))}
    </span>
  );
}
