import type { StackPage, StackRow } from '@/api/types';
import { matches, type Term } from '@/filter/grammar';

export const keyOf = (s: { namespace: string; name: string }): string => `${s.namespace}/${s.name}`;

/**
 * What an event does to the pages that are on screen: rows that are there are painted
 * anew where they stand, and nothing moves. What would have to be put between them
 * waits in `arrived` until the person asks for it.
 */
export interface Patch {
  pages: StackPage[];
  arrived: string[];
  changed: boolean;
}

export function patchPages(pages: StackPage[], news: readonly StackRow[], terms: readonly Term[], sort: string): Patch {
  const byKey = new Map(news.map((row) => [keyOf(row), row]));
  const here = new Set<string>();
  let changed = false;
  const patched = pages.map((page) => {
    let touched = false;
    const items = page.items.map((old) => {
      const key = keyOf(old);
      here.add(key);
      const row = byKey.get(key);
      if (!row || row.version <= old.version) return old;
      touched = true;
      return row;
    });
    changed ||= touched;
    return touched ? { ...page, items } : page;
  });
  const last = pages.at(-1);
  const end = last?.next === undefined ? undefined : last.items.at(-1);
  const arrived = news
    .filter((row) => !here.has(keyOf(row)) && matches(terms, subjectOf(row)) !== false)
    .filter(
      (row) =>
        end === undefined || (order[sort.replace(/^-/, '')]?.(row, end) ?? 1) * (sort.startsWith('-') ? -1 : 1) < 0,
    )
    .map(keyOf);
  return { pages: changed ? patched : pages, arrived, changed };
}

export function subjectOf(row: StackRow) {
  const fields: Record<string, string | undefined> = {
    name: row.name,
    namespace: row.namespace,
    health: row.health,
    step: row.step,
    is: row.attention,
    env: row.env ?? '',
    owner: row.owner ?? '',
    source: row.source,
    path: row.path,
    target: row.target,
    driver: row.driver ?? '',
    author: row.author ?? '',
    reason: row.reason,
  };
  return {
    text: `${keyOf(row)} ${row.subject ?? ''}`.toLowerCase(),
    field: (name: string) => fields[name]?.toLowerCase(),
  };
}

const rank: Record<StackRow['attention'], number> = { NeedsYou: 0, Moving: 1, Paused: 2, InStep: 3 };
const compare = (a: string | undefined, b: string | undefined) =>
  (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
const byName = (a: StackRow, b: StackRow) => compare(a.namespace, b.namespace) || compare(a.name, b.name);

/** The server's orders, well enough to tell what would have come before the last row that is here. */
const order: Record<string, (a: StackRow, b: StackRow) => number> = {
  worst: (a, b) => rank[a.attention] - rank[b.attention] || byName(a, b),
  changed: (a, b) => compare(b.changed, a.changed),
  name: byName,
  source: (a, b) => compare(a.source, b.source) || byName(a, b),
  target: (a, b) => compare(a.target, b.target) || byName(a, b),
  env: (a, b) => compare(a.env, b.env) || byName(a, b),
  owner: (a, b) => compare(a.owner, b.owner) || byName(a, b),
};
