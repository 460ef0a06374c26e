import { type RefObject, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';

export interface Span {
  /** The first row that is in the page, and the one after the last. */
  from: number;
  to: number;
}

/** Which rows of one height are to be seen through a window, with some more on either side. */
export function spanOf(scrolled: number, seen: number, height: number, rows: number, spare: number): Span {
  if (seen <= 0) return { from: 0, to: 0 };
  const first = Math.floor(Math.max(0, scrolled) / height);
  const last = Math.ceil((Math.max(0, scrolled) + seen) / height);
  const to = Math.min(rows, last + spare);
  return { from: Math.max(0, Math.min(first - spare, to)), to };
}

/** Where to scroll so that a row is seen whole below a head that stays; where it is, if it is. */
export function scrolledTo(row: number, height: number, scrolled: number, seen: number, head: number): number {
  const top = row * height;
  if (top < scrolled) return top;
  return Math.max(scrolled, top + height + head - seen);
}

/**
 * The rows of a list of any length that have to be in the page. All are of one height,
 * which makes this a division; what is measured row by row takes a library.
 */
export function useRows(box: RefObject<HTMLElement | null>, rows: number, height: number, spare = 12): Span {
  const [{ scrolled, seen }, look] = useState({ scrolled: 0, seen: 0 });
  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const now = () => ({ scrolled: Math.floor(el.scrollTop / height) * height, seen: el.clientHeight + height });
    const same = (a: { scrolled: number; seen: number }) => (b: typeof a) =>
      a.scrolled === b.scrolled && a.seen === b.seen ? b : a;
    look(now());
    // Within the frame that scrolls, or there would be one with nothing in it.
    const moved = () => flushSync(() => look(same(now())));
    const sized = new ResizeObserver(() => look(same(now())));
    el.addEventListener('scroll', moved, { passive: true });
    sized.observe(el);
    return () => {
      el.removeEventListener('scroll', moved);
      sized.disconnect();
    };
  }, [box, height]);
  return spanOf(scrolled, seen, height, rows, spare);
}

/** Numbers from one to the other, the last left out. */
export const between = ({ from, to }: Span): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
