import { Check } from 'lucide-react';
import { Link } from 'wouter';
import { type Card, cards } from '@/features/welcome/cards';
import { useProgress, useSkipped } from '@/features/welcome/progress';
import { Button, ButtonLink } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { cx } from '@/parts/cx';
import { ProblemPanel } from '@/parts/problem-panel';
import { usePage } from '@/shell/page';

/** The first five minutes: cards that tick themselves off when it really happened. */
export default function Welcome() {
  usePage({ crumbs: [{ label: 'Welcome' }], cli: 'lockstep demo' });
  const { done, error } = useProgress();
  const [skipped, skip] = useSkipped();
  const shown = cards.filter((c) => done.has(c.id) || !skipped.has(c.id));
  const open = shown.filter((c) => !done.has(c.id)).length;
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-8">
      <h1 className="text-xl font-semibold">{open === 0 ? 'That is how it works' : 'Welcome to Lockstep'}</h1>
      <p className="mt-1 text-muted">
        {open === 0
          ? 'All of it really happened, and is on record. The fleet is where you go from here.'
          : 'Each card ticks itself off when the record says that it happened, not when you click. Everything is real but the nodes: pods become ready without running.'}
      </p>
      <p aria-live="polite" className="mt-1 mb-6 text-muted">
        {done.size} of {cards.length} done
      </p>
      {error !== null && done.size === 0 && (
        <ProblemPanel of={error} what="The record could not be read" className="mb-4" />
      )}
      {open > 0 && (
        <p className="mb-4 flex flex-wrap items-baseline gap-x-2">
          In a second terminal, where you started the demo: <Cli line=". ./lockstep-demo/env" />
        </p>
      )}
      <ol className="grid gap-3">
        {shown.map((card) => (
          <Item
            key={card.id}
            card={card}
            n={cards.indexOf(card) + 1}
            ticked={done.has(card.id)}
            onSkip={() => skip(card.id)}
          />
        ))}
      </ol>
      <p className="mt-6">
        <ButtonLink to="/fleet" look={open === 0 ? 'primary' : 'plain'}>
          Go to the fleet
        </ButtonLink>
      </p>
    </div>
  );
}

function Item({ card, n, ticked, onSkip }: { card: Card; n: number; ticked: boolean; onSkip(): void }) {
  return (
    <li className={cx('flex gap-4 rounded-lg border bg-panel p-4', ticked ? 'border-ok' : 'border-line')}>
      <span
        className={cx(
          'flex size-6 shrink-0 items-center justify-center rounded-full text-sm font-semibold',
          ticked ? 'bg-ok-soft text-ok' : 'bg-picked',
        )}
      >
        {ticked ? <Check size={14} aria-hidden /> : <span aria-hidden>{n}</span>}
        {ticked && <span className="unseen">Done</span>}
      </span>
      <div className="min-w-0 flex-1">
        <h2 className="font-medium">{ticked ? card.ticked : card.title}</h2>
        {ticked ? (
          <Link href={card.see} className="text-accent hover:underline">
            See it
          </Link>
        ) : (
          <>
            <p className="mb-2 text-muted">{card.about}</p>
            <div className="grid justify-items-start gap-1">
              {card.lines.map((line) => (
                <Cli key={line} line={line} />
              ))}
            </div>
          </>
        )}
      </div>
      {!ticked && (
        <Button look="bare" className="-mt-1 -mr-1" aria-label={`Skip: ${card.title}`} onClick={onSkip}>
          Skip
        </Button>
      )}
    </li>
  );
}
