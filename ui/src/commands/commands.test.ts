import { describe, expect, it } from 'vitest';
import type { Command } from './commands';
import { best, score } from './fuzzy';
import { match, strokeOf } from './keys';

const command = (id: string, keys: string | string[]): Command => ({ id, label: id, group: 'Go', keys, run: () => {} });

describe('match', () => {
  const all = [
    command('fleet', 'g f'),
    command('next', ['j', 'ArrowDown']),
    command('sheet', '?'),
    command('nearer', 'j'),
  ];
  const id = (before: string[], stroke: string) => {
    const found = match(all, before, stroke);
    return found === undefined || found === 'wait' ? found : found.id;
  };
  it('waits for the second key of a sequence', () => {
    expect(id([], 'g')).toBe('wait');
    expect(id(['g'], 'f')).toBe('fleet');
  });
  it('takes a key that continues nothing for itself', () => expect(id(['g'], '?')).toBe('sheet'));
  it('prefers what was offered last', () => expect(id([], 'j')).toBe('nearer'));
  it('knows what means nothing', () => expect(id([], 'q')).toBeUndefined());
});

it('writes strokes', () => {
  const key = (key: string, more = {}) =>
    strokeOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  expect(key('k', { metaKey: true })).toBe('mod+k');
  expect(key('?', { shiftKey: true })).toBe('?');
  expect(key('ArrowDown', { shiftKey: true })).toBe('shift+ArrowDown');
});

describe('fuzzy', () => {
  it('needs every letter in order', () => {
    expect(score('sck', 'shop/checkout')).toBeDefined();
    expect(score('kcs', 'shop/checkout')).toBeUndefined();
  });
  it('puts a whole word before scattered letters, and a beginning before a middle', () => {
    expect(best('cart', ['card-art', 'shop/cart', 'cart/api', 'scart'], (s) => s, 4)).toEqual([
      'cart/api',
      'shop/cart',
      'scart',
      'card-art',
    ]);
  });
});
