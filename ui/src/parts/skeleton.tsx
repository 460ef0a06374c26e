import { useEffect, useState } from 'react';
import { cx } from './cx';

/** Stands where something will be, in its size. */
export const Skeleton = ({ className }: { className?: string }) => (
  <span aria-hidden className={cx('block rounded bg-hover', className)} />
);

/** True once something has taken longer than a person would not notice. */
export function useSlow(waiting: boolean, after = 100): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!waiting) {
      setSlow(false);
      return;
    }
    const timer = setTimeout(() => setSlow(true), after);
    return () => clearTimeout(timer);
  }, [waiting, after]);
  return waiting && slow;
}

/** Rows in their final height; nothing for the first 100 ms. */
export function SkeletonRows({ rows = 12, label = 'Loading' }: { rows?: number; label?: string }) {
  const slow = useSlow(true);
  if (!slow) return null;
  return (
    <div role="status" aria-label={label} className="breathe">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div key={i} className="flex h-8 items-center gap-4 border-b border-line px-3">
          <Skeleton className="h-3 w-3 rounded-full" />
          <Skeleton className={['h-3 w-48', 'h-3 w-40', 'h-3 w-56'][i % 3]} />
          <Skeleton className="ml-auto h-3 w-16" />
        </div>
      ))}
    </div>
  );
}
