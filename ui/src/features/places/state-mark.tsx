import { CircleCheck, CirclePause, CircleX, LoaderCircle, type LucideIcon } from 'lucide-react';
import type { SourceRow, TargetRow } from '@/api/types';
import { cx } from '@/parts/cx';
import { type Tone, toneText } from '@/parts/status-mark';

type State = TargetRow['state'] | SourceRow['state'];

interface Look {
  tone: Tone;
  icon: LucideIcon;
  means: string;
}

// A state added to the API fails to compile here until somebody names it.
const looks = {
  Reachable: { tone: 'ok', icon: CircleCheck, means: 'its API answers' },
  Ready: { tone: 'ok', icon: CircleCheck, means: 'its newest commit is known' },
  Connecting: { tone: 'info', icon: LoaderCircle, means: 'being connected to' },
  Fetching: { tone: 'info', icon: LoaderCircle, means: 'being looked at for the first time since it was changed' },
  Unreachable: { tone: 'bad', icon: CircleX, means: 'its API does not answer, or not as it should' },
  Failing: { tone: 'bad', icon: CircleX, means: 'the last look failed' },
  Paused: { tone: 'idle', icon: CirclePause, means: 'on purpose' },
} satisfies Record<State, Look>;

const unknown: Look = { tone: 'idle', icon: LoaderCircle, means: 'a newer server says so' };

/** How a Target or a Source is, by shape, colour and word. */
export function StateMark({ state }: { state: State }) {
  const look: Look = looks[state] ?? unknown;
  const Icon = look.icon;
  const alarming = look.tone === 'bad';
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap" title={`${state}: ${look.means}`}>
      <Icon size={14} aria-hidden className={cx('mark shrink-0', toneText[look.tone])} />
      <span className={alarming ? toneText.bad : undefined}>{state}</span>
    </span>
  );
}

export const alarming = (state: State): boolean => looks[state]?.tone === 'bad';
