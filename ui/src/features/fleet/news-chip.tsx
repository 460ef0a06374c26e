import { ArrowUp } from 'lucide-react';
import { count } from '@/format/count';
import { cx } from '@/parts/cx';

/** News that would move what is on screen waits here until it is asked for. */
export function NewsChip({ n, onShow, className }: { n: number; onShow(): void; className?: string }) {
  return (
    <div role="status" className={cx('pointer-events-none absolute right-4 z-20', className)}>
      {n > 0 && (
        <button
          type="button"
          onClick={onShow}
          className="pointer-events-auto flex h-7 items-center gap-1.5 rounded-full bg-accent px-3 font-medium text-on-accent shadow-float"
        >
          <ArrowUp size={13} aria-hidden /> {count(n)} new
        </button>
      )}
    </div>
  );
}
