import { useLiveState } from '@/live/use-live';
import { Cli } from '@/parts/cli';
import { cx } from '@/parts/cx';
import { Time } from '@/parts/time';
import { useCurrentPage } from './page';

/** At the bottom: whether what one sees is live, and the command that shows the same. */
export function Footer() {
  const { cli } = useCurrentPage();
  return (
    <footer className="flex h-7 shrink-0 items-center gap-4 border-t border-line bg-panel px-4 text-sm text-muted">
      <LiveDot />
      <span className="flex-1" />
      {cli && <Cli line={cli} className="min-h-5! bg-transparent! max-sm:hidden" />}
    </footer>
  );
}

function LiveDot() {
  const live = useLiveState();
  const looks = {
    connecting: { dot: 'bg-edge', text: 'Connecting' },
    live: { dot: 'bg-ok', text: 'Live' },
    'catching-up': { dot: 'bg-info breathe', text: 'Catching up' },
    offline: { dot: 'bg-warn', text: 'Offline' },
    'signed-out': { dot: 'bg-edge', text: 'Signed out' },
  }[live.phase];
  return (
    <span className="flex items-center gap-2 whitespace-nowrap" role="status">
      <span aria-hidden className={cx('size-2 rounded-full', looks.dot)} />
      {looks.text}
      {live.phase === 'offline' && (
        <span>
          since <Time at={live.since} />
          {live.heard > 0 && (
            <>
              , data as of <Time at={live.heard} />
            </>
          )}
        </span>
      )}
    </span>
  );
}
