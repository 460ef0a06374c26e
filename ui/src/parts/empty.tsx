import type { ReactNode } from 'react';
import { cx } from './cx';

interface EmptyProps {
  title: string;
  /** The heading of the page, where there is nothing else on it. */
  page?: boolean;
  children?: ReactNode;
  className?: string;
}

/** Says that there is nothing, why, and what would put something there. */
export function Empty({ title, page, children, className }: EmptyProps) {
  const Title = page ? 'h1' : 'p';
  return (
    <div className={cx('flex flex-col items-center justify-center gap-1 px-6 py-14 text-center', className)}>
      <Title className="text-lg font-medium">{title}</Title>
      {children && <div className="max-w-lg text-muted">{children}</div>}
    </div>
  );
}
