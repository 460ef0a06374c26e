export interface Named {
  namespace: string;
  name: string;
}

export const keyOf = (of: Named): string => `${of.namespace}/${of.name}`;

export interface Places<Row> {
  items: Row[];
  /** Keys of rows that are gone from the server and still on screen. */
  gone?: ReadonlySet<string>;
}

/**
 * Puts what an event says of one row into a list. Nothing changes its place: a new
 * row comes last, and one that is gone stays where it is until the list is read anew.
 */
export function patchPlaces<Row extends Named, L extends Places<Row>>(list: L, at: Named, row: Row | undefined): L {
  const key = keyOf(at);
  const here = list.items.findIndex((r) => keyOf(r) === key);
  const gone = new Set(list.gone);
  if (!row) {
    if (here < 0) return list;
    return { ...list, gone: gone.add(key) };
  }
  gone.delete(key);
  const items = here < 0 ? [...list.items, row] : list.items.map((r, i) => (i === here ? row : r));
  return { ...list, items, gone };
}
