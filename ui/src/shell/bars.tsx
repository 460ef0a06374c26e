import { CloudOff, LogIn, RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { signIn } from '@/api/me';
import { hub, useLiveState } from '@/live/use-live';
import { Button } from '@/parts/button';
import { useNow } from '@/parts/time';

/** Bars over the page, for what concerns all of it; in words, with what to do. */
export function Bars() {
  const live = useLiveState();
  const now = useNow(1000);
  if (live.phase === 'signed-out') {
    return (
      <Bar icon={<LogIn size={14} aria-hidden />} text="You are signed out. What is on screen no longer changes.">
        <Button onClick={signIn}>Sign in</Button>
      </Bar>
    );
  }
  // A short gap is nothing to say.
  if (live.phase === 'offline' && now - live.since > 4000) {
    const wait = live.retryAt ? Math.max(0, Math.ceil((live.retryAt - now) / 1000)) : 0;
    return (
      <Bar
        icon={<CloudOff size={14} aria-hidden />}
        text={`No connection to the server. ${wait > 0 ? `Next try in ${wait} s.` : 'Trying now.'}`}
      >
        <Button onClick={() => hub.retry()}>Try now</Button>
      </Bar>
    );
  }
  if (live.upgraded) {
    return (
      <Bar
        icon={<RefreshCw size={14} aria-hidden />}
        text="Lockstep was upgraded. This page is from the version before."
      >
        <Button onClick={() => window.location.reload()}>Reload</Button>
      </Bar>
    );
  }
  return null;
}

function Bar({ icon, text, children }: { icon: ReactNode; text: string; children: ReactNode }) {
  return (
    <div
      role="status"
      className="flex min-h-10 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-4 py-1"
    >
      <span className="text-warn">{icon}</span>
      <span className="flex-1">{text}</span>
      {children}
    </div>
  );
}
