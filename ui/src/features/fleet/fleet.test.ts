import { describe, expect, it } from 'vitest';
import type { StackPage, StackRow } from '@/api/types';
import { complete } from '@/filter/filter-input';
import { parse } from '@/filter/grammar';
import { makeFleet, mapOf, pageOf } from '../../../fixtures/fleet.ts';
import { flowText } from './flow';
import { cellAt, hit, layoutMap, step } from './map-layout';
import { patchMap, readMap, toneOf } from './map-model';
import { keyOf, patchPages } from './news';
import { shellQuoted } from './params';

const now = Date.UTC(2026, 0, 2);
const fleet = makeFleet(2000, now);

describe('patchPages', () => {
  const page = pageOf(fleet, new URLSearchParams('sort=worst&limit=50'), 2000);
  const changed = (row: StackRow, patch: Partial<StackRow>): StackRow => ({
    ...row,
    ...patch,
    version: row.version + 10_000,
  });

  it('paints rows where they stand, whatever they have become', () => {
    const row = changed(page.items[3]!, { attention: 'InStep', step: 'InStep', health: 'Healthy' });
    const patch = patchPages([page], [row], [], 'worst');
    expect(patch.pages[0]?.items.map(keyOf)).toEqual(page.items.map(keyOf));
    expect(patch.pages[0]?.items[3]).toBe(row);
    expect(patch.arrived).toEqual([]);
  });

  it('leaves pages alone that nothing happened to', () => {
    const elsewhere = fleet.find((r) => !page.items.includes(r))!;
    const pages = [page];
    expect(patchPages(pages, [changed(elsewhere, { name: 'zzz', namespace: 'zzz' })], [], 'name').pages).toBe(pages);
  });

  it('does not go back to an older form', () => {
    const old = { ...page.items[0]!, subject: 'older', version: page.items[0]!.version - 1 };
    expect(patchPages([page], [old], [], 'worst').changed).toBe(false);
  });

  const calm = fleet.findLast((r) => r.attention === 'InStep' && !page.items.includes(r))!;
  const cases: Record<string, { why: string; row: StackRow; q?: string; page?: StackPage; want: number }> = {
    Before: {
      why: 'What would come before the last row is news.',
      row: changed(calm, { attention: 'NeedsYou', step: 'Drifted', namespace: 'aaa' }),
      want: 1,
    },
    After: { why: 'What would come after it is not: it is further down.', row: changed(calm, {}), want: 0 },
    Hidden: {
      why: 'What the filter excludes is not.',
      row: changed(calm, { attention: 'NeedsYou', namespace: 'aaa', step: 'Drifted' }),
      q: 'step:blocked',
      want: 0,
    },
    End: {
      why: 'At the end of the list everything new is news.',
      row: changed(calm, { name: 'zzz' }),
      page: { ...page, next: undefined },
      want: 1,
    },
  };
  for (const [name, { why, row, q, page: of, want }] of Object.entries(cases)) {
    it(name, () =>
      expect(patchPages([of ?? page], [row], parse(q ?? '').terms, 'worst').arrived.length, why).toBe(want),
    );
  }
});

describe('layoutMap', () => {
  const sizes = [412, 3, 160, 40, 1, 88];
  const layout = layoutMap(sizes, 900);
  it('gives every cell a place of its own', () => {
    const places = new Set<string>();
    const total = sizes.reduce((a, b) => a + b);
    for (let cell = 0; cell < total; cell++) {
      const { x, y } = cellAt(layout, cell)!;
      places.add(`${x},${y}`);
      expect(hit(layout, x + 1, y + 1)).toEqual({ cell });
    }
    expect(places.size).toBe(total);
  });
  it('stays within its width and height', () => {
    for (const width of [120, 320, 900, 2500]) {
      const l = layoutMap(sizes, width);
      for (const b of l.blocks) {
        expect(b.x + b.columns * l.pitch).toBeLessThanOrEqual(width + l.pitch);
        expect(b.y + b.height).toBeLessThanOrEqual(l.height);
      }
    }
  });
  it('depends on sizes and width alone', () => expect(layoutMap(sizes, 900)).toEqual(layout));
  it('is walked through with arrows, and never left', () => {
    const total = sizes.reduce((a, b) => a + b);
    for (const key of ['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'PageDown', 'PageUp', 'Home', 'End']) {
      for (let cell = 0; cell < total; cell += 7) {
        const to = step(layout, cell, key);
        expect(to).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThan(total);
      }
    }
    expect(step(layout, 0, 'ArrowDown')).toBe(layout.blocks[0]!.columns);
    expect(step(layout, 411, 'ArrowRight')).toBe(412);
    expect(step(layout, 420, 'PageDown')).toBe(575);
  });
});

describe('the model of the map', () => {
  const answer = mapOf(fleet, new URLSearchParams('group=namespace'), 1);
  it('has every Stack once, under its full name, with its state', () => {
    const model = readMap(answer, true);
    expect(new Set(model.names)).toEqual(new Set(fleet.map(keyOf)));
    for (const row of fleet.slice(0, 300)) {
      const at = model.index.get(keyOf(row))!;
      expect(model.legend[model.states[at]!]).toEqual({ health: row.health, step: row.step });
    }
  });
  it('paints what changed, moves nothing, counts what is not there', () => {
    const model = readMap(answer, true);
    const names = [...model.names];
    const row: StackRow = { ...fleet[5]!, health: 'Unknown', step: 'Failing' };
    expect(patchMap(model, [row, { ...row, name: 'new' }])).toBe(1);
    expect(model.names).toEqual(names);
    expect(model.legend[model.states[model.index.get(keyOf(row))!]!]).toEqual({ health: 'Unknown', step: 'Failing' });
  });
  it('takes the worse colour of the two words', () => {
    expect(toneOf({ health: 'Healthy', step: 'Failing' })).toBe('bad');
    expect(toneOf({ health: 'Missing', step: 'Behind' })).toBe('warn');
    expect(toneOf({ health: 'Healthy', step: 'InStep' })).toBe('ok');
  });
  it('is small on the wire', () => {
    const big = JSON.stringify(mapOf(makeFleet(10_000, now), new URLSearchParams(), 1));
    expect(big.length).toBeLessThan(400_000);
  });
});

it('says what Lockstep does in a verb and a time', () => {
  const at = (ms: number) => new Date(now + ms).toISOString();
  expect(flowText({ verb: 'checking', until: at(41_000), every: 300 }, now)).toBe('Next check in 41 s');
  expect(flowText({ verb: 'reverting', what: 'replicas', until: at(-3000) }, now)).toBe('Reverts replicas soon');
  expect(flowText({ verb: 'waiting', what: 'net/vpc', since: at(-90_000) }, now)).toBe(
    'Waits for net/vpc, since 1 min 30 s',
  );
  expect(flowText({ verb: 'checking', every: 300 }, now)).toBe('Checks every 5 min');
});

it('completes fields and values, those that begin so first', () => {
  const values = (field: string) => (field === 'step' ? ['Behind', 'Drifted', 'Blocked'] : []);
  const texts = (text: string) => complete(text, text.length, ['step', 'source', 'env'], values).map((o) => o.text);
  expect(texts('a s')).toEqual(['step:', 'source:']);
  expect(texts('step:d')).toEqual(['step:Drifted', 'step:Behind', 'step:Blocked']);
  expect(texts('-step:Drifted,b')).toEqual(['-step:Drifted,Behind', '-step:Drifted,Blocked']);
});

it('quotes for a shell', () => {
  expect(shellQuoted('step:drifted')).toBe('step:drifted');
  expect(shellQuoted("a b'c; rm")).toBe("'a b'\\''c; rm'");
});
