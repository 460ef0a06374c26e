import { CircleAlert, RotateCw } from 'lucide-react';
import { asProblem } from '@/api/problem';
import { Button } from './button';
import { copy } from './copy';
import { cx } from './cx';

interface ProblemPanelProps {
  of: unknown;
  /** What could not be done, in our words: "The fleet could not be read". */
  what?: string;
  onRetry?: () => void;
  className?: string;
}

/** An error: what failed, on which object, the server's words, what to do next. */
export function ProblemPanel({ of, what, onRetry, className }: ProblemPanelProps) {
  const p = asProblem(of);
  const lines = [what, p.title, p.place, p.detail, p.hint, p.requestId && `request ${p.requestId}`].filter(Boolean);
  return (
    <div role="alert" className={cx('flex gap-3 rounded-lg border border-line bg-panel p-4', className)}>
      <CircleAlert size={18} aria-hidden className="mt-px shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{what ?? p.title}</p>
        {p.place && <p className="mono break-all">{p.place}</p>}
        {(p.detail || what) && <p className="break-words whitespace-pre-line">{p.detail || p.title}</p>}
        {p.hint && <p className="mt-1 break-words text-muted">{p.hint}</p>}
        {p.requestId && <p className="mono mt-1 text-muted">request {p.requestId}</p>}
        <div className="mt-3 flex gap-2">
          {onRetry && (
            <Button onClick={onRetry}>
              <RotateCw size={14} aria-hidden /> Try again
            </Button>
          )}
          <Button look="bare" onClick={() => void copy(lines.join('\n'), 'Copied the error')}>
            Copy
          </Button>
        </div>
      </div>
    </div>
  );
}
