import { describe, expect, it } from 'vitest';
import { hrefOf, list, oneOf, readParams, text, whole, writeParams } from './params';

const schema = { view: oneOf(['list', 'map'], 'list'), q: text(), from: whole(1), tags: list() };

describe('readParams', () => {
  const cases: Record<string, { why: string; search: string; want: object }> = {
    Empty: { why: 'Defaults.', search: '', want: { view: 'list', q: '', from: 1, tags: [] } },
    All: {
      why: 'Each by its kind.',
      search: 'view=map&q=env%3Aprod+a&from=42&tags=a,b',
      want: { view: 'map', q: 'env:prod a', from: 42, tags: ['a', 'b'] },
    },
    Wrong: {
      why: 'What cannot be read counts as the default.',
      search: 'view=pie&from=-1',
      want: { view: 'list', q: '', from: 1, tags: [] },
    },
  };
  for (const [name, { why, search, want }] of Object.entries(cases)) {
    it(name, () => expect(readParams(schema, search), why).toEqual(want));
  }
});

describe('writeParams', () => {
  it('leaves defaults out, keeps others, stays readable', () => {
    expect(writeParams(schema, 'view=map&other=1', { view: 'list', q: 'env:prod a,b' })).toBe('other=1&q=env:prod+a,b');
  });
  it('comes back as it was', () => {
    for (const q of ['', 'a b', 'a&b=c', '"x, y"', 'ä%#+', 'label:a=b']) {
      expect(readParams(schema, writeParams(schema, '', { q })).q).toBe(q);
    }
  });
});

it('makes addresses', () => {
  expect(hrefOf('/fleet', schema, { view: 'map' })).toBe('/fleet?view=map');
  expect(hrefOf('/fleet', schema, {})).toBe('/fleet');
});
