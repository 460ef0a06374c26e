import { Copy } from 'lucide-react';
import { copy } from './copy';
import { cx } from './cx';

/** The same thing on the command line, one click from the clipboard. */
export function Cli({ line, className }: { line: string; className?: string }) {
  return (
    <button
      type="button"
      onClick={() => void copy(line, 'Copied the command')}
      title="Copy this command"
      className={cx(
        'group mono inline-flex min-h-6 max-w-full items-center gap-2 rounded bg-sunken px-2 text-left text-muted hover:text-text',
        className,
      )}
    >
      <span aria-hidden className="select-none opacity-60">
        $
      </span>
      <span className="min-w-0 break-words">{line}</span>
      <Copy size={12} aria-hidden className="shrink-0 opacity-50 group-hover:opacity-100" />
    </button>
  );
}
