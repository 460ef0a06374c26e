import { describe, expect, it } from 'vitest';
import { byVerb, type Entry, legs, median, newestOfEach, type Release, releaseShown, summaryOf } from './timeline';

const at = (s: number) => new Date(Date.UTC(2026, 0, 1) + s * 1000).toISOString();

describe('the steps of a release', () => {
  it('gives each step its own time', () => {
    expect(
      legs({
        committed: at(0),
        fetched: at(5),
        started: at(6),
        rendered: at(8),
        planned: at(8),
        applied: at(10),
        healthy: at(20),
      }),
    ).toEqual([
      { name: 'fetch', ms: 5000 },
      { name: 'wait', ms: 1000 },
      { name: 'render', ms: 2000 },
      { name: 'plan', ms: 0 },
      { name: 'apply', ms: 2000 },
      { name: 'become healthy', ms: 10000 },
    ]);
  });
  it('begins where the first time is known, and skips what was not reached', () => {
    expect(legs({ started: at(0), applied: at(3) })).toEqual([{ name: 'apply', ms: 3000 }]);
    expect(legs({})).toEqual([]);
  });
  it('never takes less than no time, whatever the clocks say', () => {
    expect(legs({ committed: at(9), fetched: at(5) })).toEqual([{ name: 'fetch', ms: 0 }]);
  });
  it('knows the middle', () => {
    expect([median([]), median([3]), median([9, 1, 5]), median([4, 1, 3, 2])]).toEqual([undefined, 3, 5, 2]);
  });
});

describe('rows of the timeline', () => {
  const entry = (seq: number, kind: Entry['kind'], number: number) =>
    ({ seq, kind, data: { number } }) as unknown as Entry;
  it('shows a release once, as it is now; heals each', () => {
    const all = [
      entry(9, 'release', 2),
      entry(8, 'heal', 2),
      entry(7, 'heal', 2),
      entry(6, 'release', 2),
      entry(5, 'release', 1),
    ];
    expect(newestOfEach(all).map((e) => e.seq)).toEqual([9, 8, 7, 5]);
  });
  it('tells each heal once, with what it healed', () => {
    const heal = (seq: number, outcome: string, fields?: unknown) =>
      ({ seq, kind: 'heal', outcome, data: { number: 4, ...(fields ? { fields } : {}) } }) as unknown as Entry;
    const told = newestOfEach([
      heal(9, 'Progressing', ['c']),
      heal(8, 'Succeeded', []),
      heal(7, 'Progressing', ['b']),
      heal(6, 'Failed'),
      heal(5, 'Progressing', ['a']),
    ]);
    expect(told.map((e) => [e.seq, e.data.fields])).toEqual([
      [9, ['c']],
      [8, ['b']],
      [6, ['a']],
    ]);
  });
  it('puts what was deleted first', () => {
    expect(
      byVerb([{ verb: 'create' }, { verb: 'update' }, { verb: 'delete' }, { verb: 'new' }]).map((o) => o.verb),
    ).toEqual(['delete', 'update', 'create', 'new']);
  });
});

describe('a release, whoever remembers it', () => {
  const kept: Release = {
    number: 3,
    revision: 'a'.repeat(40),
    author: 'Ana <ana@example.org>',
    subject: 'more of it',
    cause: 'commit',
    plan: 'sha256:1d9e',
    outcome: 'Succeeded',
    summary: { create: 1, update: 2, delete: 0 } as Release['summary'],
    steps: { started: at(0), healthy: at(4), ended: at(5) },
  };
  const row = {
    id: 3,
    revision: 'b'.repeat(40),
    cause: 'drift',
    outcome: 'Progressing' as const,
    summary: '1 to change',
    digest: 'sha256:2e',
    times: 4,
    started: at(9),
  };
  it('is taken from the record where the Stack forgot it', () => {
    expect(releaseShown(undefined, kept)).toMatchObject({
      author: 'Ana',
      summary: '1 to create, 2 to change',
      digest: 'sha256:1d9e',
      started: at(0),
      finished: at(5),
      times: 1,
    });
  });
  it('is what the Stack says where it knows: that is newer', () => {
    const shown = releaseShown(row, kept);
    expect(shown).toMatchObject({ revision: row.revision, outcome: 'Progressing', times: 4, started: at(9) });
    expect(shown?.finished, 'it is still on its way').toBeUndefined();
  });
  it('is nothing where nobody knows it', () => expect(releaseShown(undefined, undefined)).toBeUndefined());
  it('says that a plan did nothing', () => expect(summaryOf({} as Release['summary'])).toBe('nothing to do'));
});
