import { describe, expect, it } from 'vitest';
import { asked, compareCli, isSide, otherStack, pointless, sideName } from './sides';

const s = { namespace: 'shop', name: 'checkout' };
const commit = 'a'.repeat(40);

describe('sides', () => {
  const cases: Record<string, { why: string; side: string; ok: boolean; asks?: string; name: string }> = {
    Live: { why: '', side: 'live', ok: true, asks: 'live', name: 'Live' },
    Git: { why: 'What the Source says now is what the API is not told.', side: 'git', ok: true, name: 'Git now' },
    Release: { why: '', side: '41', ok: true, asks: '41', name: 'Release 41' },
    Commit: { why: '', side: commit, ok: true, asks: commit, name: 'aaaaaaa' },
    Branch: { why: 'A branch moves.', side: 'main', ok: false, asks: 'main', name: 'main' },
    Zero: { why: 'Releases count from one.', side: '0', ok: false, asks: '0', name: 'Release 0' },
    Short: {
      why: 'An abbreviation may come to mean two.',
      side: '4f1c2aa',
      ok: false,
      asks: '4f1c2aa',
      name: '4f1c2aa',
    },
  };
  for (const [name, c] of Object.entries(cases)) {
    it(name, () => expect([isSide(c.side), asked(c.side), sideName(c.side)], c.why).toEqual([c.ok, c.asks, c.name]));
  }
});

it('takes another Stack for another Stack', () => {
  expect(
    ['prod/checkout', ' prod/checkout ', 'shop/checkout', 'prod', 'a/b/c', ''].map((t) => otherStack(s, t)),
  ).toEqual([
    { namespace: 'prod', name: 'checkout' },
    { namespace: 'prod', name: 'checkout' },
    ...new Array(4).fill(undefined),
  ]);
});

it('says why there is nothing to compare', () => {
  const other = { namespace: 'prod', name: 'checkout' };
  expect(pointless('41', 'live', undefined)).toBeUndefined();
  expect(pointless('git', 'git', other)).toBeUndefined();
  expect(pointless('41', '41', undefined)).toContain('same');
  expect(pointless('41', 'live', other)).toContain('live');
  expect(pointless('main', '41', undefined)).toContain('main');
});

it('prints the command', () => {
  expect(compareCli(s, '41', 'live', undefined)).toBe('lockstep diff shop/checkout --from 41 --to live');
  expect(compareCli(s, 'live', 'git', undefined)).toBe('lockstep diff shop/checkout --from live');
  expect(compareCli(s, 'git', 'git', { namespace: 'prod', name: 'checkout' })).toBe(
    'lockstep diff shop/checkout --with prod/checkout',
  );
});
