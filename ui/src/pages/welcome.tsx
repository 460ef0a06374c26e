import { Check } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { StackRow } from '@/api/types';
import { keyOf } from '@/features/fleet/news';
import { useLive } from '@/live/use-live';
import { ButtonLink } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { cx } from '@/parts/cx';
import { usePage } from '@/shell/page';

interface Card {
  id: string;
  title: string;
  about: string;
  lines: string[];
  /** Whether what happened to a Stack is what the card asks for. */
  done(before: StackRow | undefined, now: StackRow): boolean;
}

const cards: Card[] = [
  {
    id: 'commit',
    title: 'Ship a commit',
    about: 'Change something in the sample repository and push. It is planned, applied and healthy within seconds.',
    lines: ["cd lockstep-demo/shop && git commit -am 'more' && git push"],
    done: (before, now) =>
      before?.revision !== undefined && before.revision !== now.revision && now.revision !== undefined,
  },
  {
    id: 'drift',
    title: 'Watch drift heal',
    about:
      'Change something behind Git’s back. The field, who changed it and when it is put back are shown while it lasts.',
    lines: ['lockstep demo break drift'],
    done: (before, now) => before?.step === 'Drifted' && now.step === 'InStep',
  },
  {
    id: 'pause',
    title: 'Pause and resume',
    about: 'A Stack that is paused is left alone, says so, and goes on by itself when the time is over.',
    lines: ['lockstep pause shop/checkout --reason "looking around" --for 1h', 'lockstep resume shop/checkout'],
    done: (before, now) => before?.step === 'Paused' && now.step !== 'Paused',
  },
];

const key = 'lockstep.welcome';

function kept(): ReadonlySet<string> {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return new Set(Array.isArray(read) ? read.map(String) : []);
  } catch {
    return new Set();
  }
}

/** The first five minutes: cards that tick themselves off when it really happened. */
export default function Welcome() {
  usePage({ crumbs: [{ label: 'Welcome' }], cli: 'lockstep demo' });
  const [done, setDone] = useState(kept);
  const [seen] = useState(() => new Map<string, StackRow>());
  useLive('fleet', (event) => {
    if (event.type !== 'rows') return;
    for (const row of event.data.rows) {
      const before = seen.get(keyOf(row));
      seen.set(keyOf(row), row);
      const ticked = cards.filter((c) => c.done(before, row)).map((c) => c.id);
      if (ticked.length > 0) setDone((old) => new Set([...old, ...ticked]));
    }
  });
  useEffect(() => {
    try {
      localStorage.setItem(key, JSON.stringify([...done]));
    } catch {
      // Ticked for this page only.
    }
  }, [done]);
  const open = cards.filter((c) => !done.has(c.id)).length;
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-8">
      <h1 className="text-xl font-semibold">{open === 0 ? 'That is how it works' : 'Welcome to Lockstep'}</h1>
      <p className="mt-1 mb-6 text-muted">
        {open === 0
          ? 'All of it really happened. The fleet is where you go from here.'
          : 'A few things to try. Each ticks itself off when it has really happened, not when you click.'}
      </p>
      <ol className="grid gap-3">
        {cards.map((card, i) => {
          const ticked = done.has(card.id);
          return (
            <li
              key={card.id}
              className={cx('flex gap-4 rounded-lg border bg-panel p-4', ticked ? 'border-ok' : 'border-line')}
            >
              <span
                className={cx(
                  'flex size-6 shrink-0 items-center justify-center rounded-full text-sm font-semibold',
                  ticked ? 'bg-ok-soft text-ok' : 'bg-picked',
                )}
              >
                {ticked ? <Check size={14} aria-hidden /> : <span aria-hidden>{i + 1}</span>}
                {ticked && <span className="unseen">Done</span>}
              </span>
              <div className="min-w-0 flex-1">
                <h2 className="font-medium">{card.title}</h2>
                <p className="mb-2 text-muted">{card.about}</p>
                {card.lines.map((line) => (
                  <Cli key={line} line={line} className="mb-1" />
                ))}
              </div>
            </li>
          );
        })}
      </ol>
      <p className="mt-6">
        <ButtonLink to="/fleet" look={open === 0 ? 'primary' : 'plain'}>
          Go to the fleet
        </ButtonLink>
      </p>
    </div>
  );
}
