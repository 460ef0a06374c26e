/**
 * Where the nodes of a tree are. Positions are a pure function of the set of keys
 * and who is whose parent: a new status, or another order of arrival, moves nothing.
 */
export interface TreeNode {
  id: string;
  parent?: string;
}

export interface Placed {
  id: string;
  parent?: string;
  depth: number;
  x: number;
  y: number;
  /** How many are folded away below it. */
  folded: number;
}

export const nodeWidth = 220;
export const nodeHeight = 40;
const gapX = 48;
const gapY = 12;

/** More than this is unreadable at any zoom: then only the first levels are open. */
export const mostOpen = 300;
export const foldedDepth = 2;

export interface TreeOptions {
  /** Nodes that a person opened or closed. */
  opened?: ReadonlyMap<string, boolean>;
  /** Nodes whose way is open whatever the depth: problems. */
  reveal?: ReadonlySet<string>;
}

export function layout(nodes: readonly TreeNode[], { opened, reveal }: TreeOptions = {}): Placed[] {
  const all = new Map(nodes.map((n) => [n.id, n]));
  const children = new Map<string, string[]>();
  for (const id of [...all.keys()].sort()) {
    const parent = all.get(id)?.parent;
    const at = parent !== undefined && all.has(parent) && parent !== id ? parent : '';
    children.set(at, [...(children.get(at) ?? []), id]);
  }
  const open = new Set<string>();
  for (const id of reveal ?? []) {
    for (let at = all.get(id)?.parent; at !== undefined && !open.has(at); at = all.get(at)?.parent) open.add(at);
  }
  const big = all.size > mostOpen;
  const isOpen = (id: string, depth: number) => opened?.get(id) ?? (!big || depth + 1 < foldedDepth || open.has(id));

  const out: Placed[] = [];
  const seen = new Set<string>();
  let row = 0;
  const below = (id: string): number =>
    (children.get(id) ?? []).reduce((n, c) => n + 1 + (seen.has(c) ? 0 : below(c)), 0);
  // A tidy tree that grows to the right: leaves take a row each, a parent stands in
  // the middle of its children.
  const place = (id: string, depth: number): number => {
    seen.add(id);
    const kids = (children.get(id) ?? []).filter((c) => !seen.has(c));
    const node: Placed = {
      id,
      parent: all.get(id)?.parent,
      depth,
      x: depth * (nodeWidth + gapX),
      y: 0,
      folded: 0,
    };
    out.push(node);
    if (kids.length === 0 || !isOpen(id, depth)) {
      node.folded = kids.length === 0 ? 0 : below(id);
      node.y = row * (nodeHeight + gapY);
      row++;
      return node.y;
    }
    const ys = kids.map((c) => place(c, depth + 1));
    node.y = ((ys[0] ?? 0) + (ys.at(-1) ?? 0)) / 2;
    return node.y;
  };
  for (const id of children.get('') ?? []) place(id, 0);
  return out;
}

/** The part of a placed tree that can be seen. */
export const visible = (placed: readonly Placed[], x: number, y: number, width: number, height: number): Placed[] =>
  placed.filter((p) => p.x + nodeWidth >= x && p.x <= x + width && p.y + nodeHeight >= y && p.y <= y + height);

/** How large a placed tree is. */
export function extent(placed: readonly Placed[]): { width: number; height: number } {
  return placed.reduce(
    (e, p) => ({ width: Math.max(e.width, p.x + nodeWidth), height: Math.max(e.height, p.y + nodeHeight) }),
    { width: 0, height: 0 },
  );
}
