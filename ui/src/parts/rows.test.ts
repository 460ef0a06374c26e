import { describe, expect, it } from 'vitest';
import { between, scrolledTo, spanOf } from './rows';

describe('the rows that are in the page', () => {
  const cases: Record<string, { why: string; of: Parameters<typeof spanOf>; want: [number, number] }> = {
    Unmeasured: { why: 'Nothing is shown before it is known how much fits.', of: [0, 0, 32, 100, 5], want: [0, 0] },
    Top: { why: '', of: [0, 320, 32, 100, 5], want: [0, 15] },
    Middle: { why: 'Rows that are seen in part count.', of: [330, 320, 32, 100, 5], want: [5, 26] },
    End: { why: 'There are no rows after the last.', of: [2880, 320, 32, 100, 5], want: [85, 100] },
    Shrunk: { why: 'A list that became shorter than where one is.', of: [9000, 320, 32, 4, 5], want: [4, 4] },
    Bounce: { why: 'Some browsers scroll past the beginning.', of: [-80, 320, 32, 100, 5], want: [0, 15] },
  };
  for (const [name, { why, of, want }] of Object.entries(cases)) {
    it(name, () => {
      const { from, to } = spanOf(...of);
      expect([from, to], why).toEqual(want);
    });
  }
  it('counts', () => expect(between({ from: 3, to: 6 })).toEqual([3, 4, 5]));
});

it('scrolls no further than it must', () => {
  // Rows of 32 below a head of 33 in a window of 353: ten are seen.
  const to = (row: number, scrolled: number) => scrolledTo(row, 32, scrolled, 353, 33);
  expect([to(3, 0), to(9, 0), to(10, 0), to(50, 0)]).toEqual([0, 0, 32, 1312]);
  expect([to(3, 320), to(10, 320), to(0, 320)]).toEqual([96, 320, 0]);
});
