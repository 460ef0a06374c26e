import type { AuditEntry } from '@/api/types';

/** What the record has to hold for a card to be ticked, folded entry by entry. */
export interface Progress {
  done: ReadonlySet<CardId>;
  /** Stacks on their way to a commit: drift may be healed before they are healthy. */
  shipping: ReadonlySet<string>;
  /** Stacks that somebody paused, until somebody lets them go on. */
  paused: ReadonlySet<string>;
}

export type CardId = 'commit' | 'drift' | 'pause' | 'back' | 'stopped';

export interface Card {
  id: CardId;
  title: string;
  about: string;
  lines: string[];
  /** What is said of it once it is done. */
  ticked: string;
  /** Where to see it. */
  see: string;
}

export const cards: readonly Card[] = [
  {
    id: 'commit',
    title: 'Ship a commit',
    about: 'Change a file of the sample repository and push. It is planned, applied and healthy within seconds.',
    lines: [
      "sed -i 's/replicas: 3/replicas: 5/' lockstep-demo/shop/apps/checkout/values.yaml",
      'git -C lockstep-demo/shop commit -qam "checkout: 5 replicas" && git -C lockstep-demo/shop push -q',
    ],
    ticked: 'You shipped a commit',
    see: '/stacks/shop/checkout/timeline',
  },
  {
    id: 'drift',
    title: 'Watch drift heal',
    about:
      'Mia scales it by hand, behind Git’s back. It is put back at once, and the record says what was changed, and with what.',
    lines: ['lockstep demo break drift', 'lockstep history shop/checkout'],
    ticked: 'You watched drift heal',
    see: '/stacks/shop/checkout/timeline',
  },
  {
    id: 'pause',
    title: 'Pause and resume',
    about: 'A Stack that is paused is left alone, says so and why, and goes on by itself when the time is over.',
    lines: ['lockstep pause shop/cart --reason "looking around" --for 1h', 'lockstep resume shop/cart'],
    ticked: 'You paused and resumed',
    see: '/stacks/shop/cart',
  },
  {
    id: 'back',
    title: 'Go back to an earlier release',
    about: 'It is held there for a time while Git stays ahead, and everybody sees that it is. Then let it go on.',
    lines: [
      'lockstep rollback shop/checkout --to 1 --for 1h --reason "looking back"',
      'lockstep rollback shop/checkout --release',
    ],
    ticked: 'You held an earlier release',
    see: '/stacks/shop/checkout',
  },
  {
    id: 'stopped',
    title: 'Be stopped',
    about:
      'Before its release 2, uploads had no volume. Going back would delete what was uploaded: see what you are told.',
    lines: ['lockstep rollback shop/uploads --to 1 --reason "is anything lost?"'],
    ticked: 'You were stopped before anything was lost',
    see: '/stacks/shop/uploads',
  },
];

export const nothing: Progress = { done: new Set(), shipping: new Set(), paused: new Set() };

/** Releases that were there before anybody did anything: the demo makes uploads' second. */
const given = (unit: string) => (unit === 'shop/uploads' ? 2 : 1);

/** What the cards are after these entries of the record, oldest first. */
export function fold(before: Progress, entries: readonly AuditEntry[]): Progress {
  if (entries.length === 0) return before;
  const done = new Set(before.done);
  const shipping = new Set(before.shipping);
  const paused = new Set(before.paused);
  for (const e of entries) {
    const unit = `${e.namespace}/${e.name}`;
    const well = e.outcome === 'Succeeded';
    if (e.kind === 'heal') done.add('drift');
    if (e.kind === 'release' && e.data.cause === 'commit' && Number(e.data.number) > given(unit)) shipping.add(unit);
    if (e.outcome === 'Failed') shipping.delete(unit);
    if ((e.kind === 'release' || e.kind === 'heal') && well && shipping.delete(unit)) done.add('commit');
    if (e.kind !== 'call' && e.kind !== 'rollback') continue;
    if (e.verb === 'pause' && well) paused.add(unit);
    else if (e.verb === 'resume' && well && paused.delete(unit)) done.add('pause');
    else if (e.verb === 'rollback' && well) done.add('back');
    else if (e.verb === 'rollback' && e.outcome === 'Blocked') done.add('stopped');
  }
  return { done, shipping, paused };
}
