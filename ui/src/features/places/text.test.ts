import { expect, it } from 'vitest';
import { commitHref, countParts, latency, sourcesSentence, targetsSentence } from './text';

it('says first what does not work', () => {
  const targets = (...states: Parameters<typeof targetsSentence>[0][number]['state'][]) =>
    targetsSentence(states.map((state) => ({ state })));
  expect(targets('Reachable', 'Unreachable', 'Connecting')).toBe('1 of 3 does not answer');
  expect(targets('Reachable', 'Connecting')).toBe('1 of 2 is being connected to');
  expect(targets('Reachable', 'Reachable')).toBe('All 2 answer');
  expect(targets('Reachable', 'Reachable', 'Paused')).toBe('2 of 3 answer');
  expect(targets('Reachable')).toBe('The only one answers');
  expect(sourcesSentence([{ state: 'Failing' }, { state: 'Failing' }])).toBe('All 2 cannot be fetched');
});

it('counts the Stacks there, and leads to them', () => {
  const got = countParts({ total: 3, needsYou: 1, moving: 0, paused: 0, inStep: 2 }, 'target:a/b');
  expect(got.map((p) => [p.n, p.words, p.q])).toEqual([
    [1, 'needs you', 'target:a/b is:NeedsYou'],
    [2, 'in step', 'target:a/b is:InStep'],
  ]);
});

it('says how long a probe took', () => {
  expect([0.0034, 0.0123, 0.5, 2.34, undefined].map(latency)).toEqual(['3.4 ms', '12 ms', '500 ms', '2.3 s', '–']);
});

it('leads to a commit only where there is an address for it', () => {
  expect(commitHref('https://git.example/a/b.git', 'f00')).toBe('https://git.example/a/b/commit/f00');
  expect(commitHref('git@git.example:a/b.git', 'f00')).toBeUndefined();
  expect(commitHref('http://127.0.0.1:1/x', 'f00')).toBeUndefined();
  expect(commitHref('https://git.example/a', undefined)).toBeUndefined();
});
