import { expect, it } from 'vitest';
import { counted } from './count';
import { ago, lasted } from './time';

it('says how long something lasted in two parts', () => {
  expect([0, 420, 4100, 41_000, 185_000, 187_200_000, -1].map(lasted)).toEqual([
    'under 10 ms',
    '420 ms',
    '4.1 s',
    '41 s',
    '3 min 5 s',
    '2 d 4 h',
    '–',
  ]);
});

it('says how long ago something was', () => {
  const now = Date.UTC(2026, 0, 2);
  const said = [2, 40, 150, 7200, 200_000].map((s) => ago(now - s * 1000, now));
  expect(said).toEqual(['just now', '40 s ago', '2 min ago', '2 h ago', '2 d ago']);
  expect(ago(now + 41_000, now)).toBe('in 41 s');
});

it('counts', () => {
  expect([counted(1, 'stack'), counted(9962, 'stack')]).toEqual(['1 stack', '9,962 stacks']);
});
