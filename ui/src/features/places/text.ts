import type { Counts, SourceRow, TargetRow } from '@/api/types';
import { count } from '@/format/count';
import type { Named } from './patch';

/** namespace/name, or the bare name of the cluster that holds the Stacks. */
export const nameOf = (of: Named): string => (of.namespace ? `${of.namespace}/${of.name}` : of.name);

interface Words<S> {
  bad: S;
  busy: S;
  paused: S;
  /** "does not answer", "do not answer"; the others alike. */
  isBad: [one: string, many: string];
  isBusy: [one: string, many: string];
  isGood: [one: string, many: string];
}

const targetWords: Words<TargetRow['state']> = {
  bad: 'Unreachable',
  busy: 'Connecting',
  paused: 'Paused',
  isBad: ['does not answer', 'do not answer'],
  isBusy: ['is being connected to', 'are being connected to'],
  isGood: ['answers', 'answer'],
};

const sourceWords: Words<SourceRow['state']> = {
  bad: 'Failing',
  busy: 'Fetching',
  paused: 'Paused',
  isBad: ['cannot be fetched', 'cannot be fetched'],
  isBusy: ['is being fetched', 'are being fetched'],
  isGood: ['is up to date', 'are up to date'],
};

/** "1 of 4 does not answer", "All 4 answer", "3 of 4 answer": what is wrong first. */
function sentence<S>(rows: readonly { state: S }[], w: Words<S>): string {
  const n = (state: S) => rows.filter((r) => r.state === state).length;
  const say = (some: number, words: [string, string]) =>
    `${some === rows.length ? (some === 1 ? 'The only one' : `All ${count(some)}`) : `${count(some)} of ${count(rows.length)}`} ${words[some === 1 ? 0 : 1]}`;
  if (n(w.bad) > 0) return say(n(w.bad), w.isBad);
  if (n(w.busy) > 0) return say(n(w.busy), w.isBusy);
  return say(rows.length - n(w.paused), w.isGood);
}

export const targetsSentence = (rows: readonly Pick<TargetRow, 'state'>[]) => sentence(rows, targetWords);
export const sourcesSentence = (rows: readonly Pick<SourceRow, 'state'>[]) => sentence(rows, sourceWords);

/** The states of Stacks that are there, the worst first, with the filter that shows them. */
export function countParts(counts: Counts, filter: string) {
  return (
    [
      { is: 'NeedsYou', n: counts.needsYou, words: counts.needsYou === 1 ? 'needs you' : 'need you', tone: 'bad' },
      { is: 'Moving', n: counts.moving, words: 'moving', tone: 'info' },
      { is: 'Paused', n: counts.paused, words: 'paused', tone: 'idle' },
      { is: 'InStep', n: counts.inStep, words: 'in step', tone: 'ok' },
    ] as const
  )
    .filter((p) => p.n > 0)
    .map((p) => ({ ...p, q: `${filter} is:${p.is}` }));
}

/** 0.0123 seconds as "12 ms". */
export const latency = (seconds: number | undefined): string => {
  if (seconds === undefined) return '–';
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  return seconds < 0.995 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
};

/** Where a commit can be looked at, for hosts whose addresses all look alike. */
export function commitHref(url: string, revision: string | undefined): string | undefined {
  if (!revision || !/^https:\/\//.test(url)) return undefined;
  return `${url.replace(/\.git\/?$/, '').replace(/\/$/, '')}/commit/${revision}`;
}
