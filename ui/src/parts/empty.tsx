import type { ReactNode } from 'react';
import { cx } from './cx';

/** Says that there is nothing, why, and what would put something there. */
export function Empty({ title, children, className }: { title: string; children?: ReactNode; className?: string }) {
  return (
    <div className={cx('flex flex-col items-center justify-center gap-1 px-6 py-14 text-center', className)}>
      <p className="text-lg font-medium">{title}</p>
      {children && <div className="max-w-lg text-muted">{children}</div>}
    </div>
  );
}
