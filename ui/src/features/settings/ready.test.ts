import { expect, it } from 'vitest';
import { readyLines } from './ready';

it('reads what a server says of itself', () => {
  expect(readyLines('ok\n')).toEqual({});
  expect(readyLines('ok\nhistory: not written for 12s\n')).toEqual({ history: 'not written for 12s' });
  expect(() => readyLines('<!doctype html>')).toThrow();
  expect(() => readyLines('')).toThrow();
});
