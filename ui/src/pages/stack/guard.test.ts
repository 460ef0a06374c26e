import { describe, expect, it } from 'vitest';
import { ahead, byTyping, earlier, likely, line, nameOf, type Preview, quoted, split, verdict, wanting } from './guard';
import type { ReleaseRow } from './types';

const preview = (more: Partial<Preview>): Preview => ({
  accept: [],
  as: 'hold',
  digest: 'sha256:1',
  guard: 1,
  hooks: [],
  left: 0,
  live: 'b',
  newest: 'b',
  objects: [],
  revision: 'a',
  risks: [],
  stays: [],
  summary: { create: 0, update: 2, replace: 0, delete: 0, unchanged: 1 },
  ...more,
});
const claim = 'PersistentVolumeClaim/shop/uploads';

describe('what a rollback still wants', () => {
  const cases: Record<
    string,
    { p: Partial<Preview>; reason?: string; losses?: Record<string, string>; want: RegExp | undefined }
  > = {
    'a reason, always: Git stays ahead': { p: {}, want: /why/ },
    'blanks are no reason': { p: {}, reason: '  ', want: /why/ },
    'nothing more where nothing is lost': { p: {}, reason: 'bad build', want: undefined },
    'the name of what is lost': { p: { accept: [claim] }, reason: 'x', want: /Type .*uploads/ },
    'not another name': { p: { accept: [claim] }, reason: 'x', losses: { [claim]: 'upload' }, want: /uploads/ },
    'the name was typed': { p: { accept: [claim] }, reason: 'x', losses: { [claim]: ' uploads ' }, want: undefined },
    'each of them': {
      p: { accept: [claim, 'mass-delete'] },
      reason: 'x',
      losses: { [claim]: 'uploads' },
      want: /mass-delete/,
    },
    'a tick where there are many': {
      p: { accept: ['A/n/1', 'A/n/2', 'A/n/3', 'A/n/4'] },
      reason: 'x',
      want: /Tick .*1, 2, 3 …/,
    },
    'no answer helps where it cannot be planned': { p: { problem: 'no such kind' }, reason: 'x', want: /whole/ },
  };
  for (const [why, { p, reason = '', losses = {}, want }] of Object.entries(cases)) {
    it(why, () => {
      const got = wanting(preview(p), { reason, losses });
      if (want) expect(got).toMatch(want);
      else expect(got).toBeUndefined();
    });
  }
  it('goes from typing to ticking at four', () => {
    expect(byTyping(preview({ accept: ['a', 'b', 'c'] }))).toBe(true);
    expect(byTyping(preview({ accept: ['a', 'b', 'c', 'd'] }))).toBe(false);
  });
  it('names the finding that is about no object by its rule', () => {
    expect([nameOf(claim), nameOf('Namespace/shop'), nameOf('mass-delete')]).toEqual([
      'uploads',
      'shop',
      'mass-delete',
    ]);
  });
});

describe('the words of a rollback', () => {
  it('says what goes before what changes', () => {
    expect(verdict(preview({}))).toBe('Roll back 2 objects');
    expect(verdict(preview({ as: 'branch' }))).toBe('Push the branch');
    expect(verdict(preview({ as: 'commit' }))).toBe('Roll back 2 objects');
    expect(verdict(preview({ summary: { create: 1, update: 1, replace: 1, delete: 2, unchanged: 0 } }))).toBe(
      'Roll back, delete 3',
    );
    expect(verdict(preview({ summary: { create: 0, update: 0, replace: 0, delete: 0, unchanged: 9 } }))).toBe(
      'Hold here',
    );
  });
  it('puts losses apart from what wants a look', () => {
    const loss = { level: 'loss', rule: 'pvc-delete', why: 'gone' } as const;
    const review = { level: 'review', rule: 'secret-delete', why: 'look' } as const;
    expect(split([review, loss])).toEqual({ losses: [loss], reviews: [review] });
  });
});

describe('where a rollback may go', () => {
  const row = (id: number, revision: string, outcome: ReleaseRow['outcome'] = 'Succeeded') =>
    ({ id, revision, outcome }) as ReleaseRow;
  const rows = [row(5, 'e'), row(4, 'd', 'Failed'), row(3, 'c'), row(2, 'd'), row(1, 'e')];
  it('lists each commit once, without what is live', () => {
    expect(earlier(rows, 'e').map((r) => r.id)).toEqual([4, 3]);
  });
  it('begins with one that became healthy', () => {
    expect(likely(earlier(rows, 'e'))?.id).toBe(3);
    expect(likely([row(1, 'a', 'Failed')])?.id).toBe(1);
    expect(likely([])).toBeUndefined();
  });
});

describe('the command line', () => {
  it('quotes for a shell what is not one word', () => {
    expect(quoted('72h')).toBe('72h');
    expect(quoted("it's; rm -rf /")).toBe(`'it'\\''s; rm -rf /'`);
    expect(quoted('$(id)')).toBe("'$(id)'");
  });
  it('leaves out flags without a value', () => {
    expect(
      line('pause', 'shop/web', [
        ['reason', ''],
        ['for', '2h'],
      ]),
    ).toBe('lockstep pause shop/web --for 2h');
  });
});

describe('how far Git is ahead of a hold', () => {
  const held = '1a2b3c4'.padEnd(40, '0');
  it('names the commit of the source', () => expect(ahead(held, 'main@9f8e7d6')).toBe('9f8e7d6'));
  it('says nothing where Git is there itself', () => expect(ahead(held, 'main@1a2b3c4')).toBeUndefined());
  it('says nothing where nobody knows', () => expect(ahead(held, undefined)).toBeUndefined());
});
