/**
 * Scores how well `query` fits `candidate`: every letter in order, better at the
 * start of words and in a row. Undefined when it does not fit at all.
 */
export function score(query: string, candidate: string): number | undefined {
  const q = query.toLowerCase();
  const c = candidate.toLowerCase();
  if (q === '') return 0;
  const at = c.indexOf(q);
  if (at >= 0) return 1000 - at - c.length / 100 + (at === 0 || starts(c, at) ? 200 : 0);
  let total = 0;
  let from = 0;
  let row = 0;
  for (const letter of q) {
    if (letter === ' ') continue;
    const found = c.indexOf(letter, from);
    if (found < 0) return undefined;
    row = found === from ? row + 1 : 0;
    total += 1 + row * 2 + (starts(c, found) ? 6 : 0) - Math.min(found - from, 8) * 0.2;
    from = found + 1;
  }
  return total - c.length / 100;
}

const starts = (text: string, at: number) => at === 0 || '/-_. :'.includes(text[at - 1] ?? '');

/** The best `limit` of `items`, best first; equal ones keep their order. */
export function best<T>(query: string, items: readonly T[], of: (item: T) => string, limit: number): T[] {
  const scored: { item: T; points: number; at: number }[] = [];
  items.forEach((item, at) => {
    const points = score(query, of(item));
    if (points !== undefined) scored.push({ item, points, at });
  });
  scored.sort((a, b) => b.points - a.points || a.at - b.at);
  return scored.slice(0, limit).map((s) => s.item);
}
