import { expect, it } from 'vitest';
import { type Places, patchPlaces } from './patch';

const row = (name: string, state = 'Ready') => ({ namespace: 'a', name, state });
const list: Places<ReturnType<typeof row>> = { items: [row('x'), row('y')] };

it('puts a row where it was', () => {
  const got = patchPlaces(list, { namespace: 'a', name: 'x' }, row('x', 'Failing'));
  expect(got.items).toEqual([row('x', 'Failing'), row('y')]);
});

it('puts a new row last, and keeps one that is gone where it is', () => {
  const added = patchPlaces(list, { namespace: 'a', name: 'b' }, row('b'));
  expect(added.items.map((r) => r.name)).toEqual(['x', 'y', 'b']);
  const gone = patchPlaces(added, { namespace: 'a', name: 'x' }, undefined);
  expect(gone.items.map((r) => r.name)).toEqual(['x', 'y', 'b']);
  expect(gone.gone).toEqual(new Set(['a/x']));
  const back = patchPlaces(gone, { namespace: 'a', name: 'x' }, row('x'));
  expect(back.gone?.size).toBe(0);
});

it('does nothing about one that was never here', () => {
  expect(patchPlaces(list, { namespace: 'b', name: 'x' }, undefined)).toBe(list);
});
