import type { Resource } from './types';

export interface Card {
  /** The id of the workload, or of the kind for what is on nobody's card. */
  id: string;
  title: string;
  subtitle: string;
  head?: Resource;
  pods: Resource[];
  /** Everything else that Git asks for and that belongs to it. */
  parts: Resource[];
  problem: boolean;
}

const rank: Record<string, number> = { Degraded: 5, Missing: 4, Progressing: 3, Terminating: 2, Suspended: 1 };
const stepped = new Set(['inStep', 'made', 'alone']);

export const isProblem = (r: Resource): boolean => r.health === 'Degraded' || r.health === 'Missing';
export const offStep = (r: Resource): boolean => !stepped.has(r.step);

/** The worst health of some resources; Healthy where there are none. */
export const worst = (rs: readonly Resource[]): string =>
  rs.reduce((w, r) => ((rank[r.health] ?? 0) > (rank[w] ?? 0) ? r.health : w), 'Healthy');

/**
 * Puts resources on cards: one for each workload, with its pods as dots, and one for
 * each kind of what serves no single workload. The order depends on ids alone.
 */
export function cards(rs: readonly Resource[], by: 'workload' | 'kind'): Card[] {
  const out = new Map<string, Card>();
  const byId = new Map(rs.map((r) => [r.id, r]));
  for (const r of rs) {
    const workload = by === 'workload' ? r.card : undefined;
    if (!workload && !r.managed) continue;
    const id = workload ?? `kind:${r.kind}.${r.group}`;
    let card = out.get(id);
    if (!card) {
      const head = workload ? byId.get(workload) : undefined;
      card = {
        id,
        head,
        title: head?.name ?? r.kind,
        subtitle: head ? head.kind : r.group || 'core',
        pods: [],
        parts: [],
        problem: false,
      };
      out.set(id, card);
    }
    if (r.kind === 'Pod' && r.group === '') card.pods.push(r);
    else if (r.managed && r.id !== id) card.parts.push(r);
    if (isProblem(r) && (r.managed || r.kind === 'Pod')) card.problem = true;
  }
  return [...out.values()].sort(
    (a, b) =>
      Number(!a.head) - Number(!b.head) || (a.title < b.title ? -1 : a.title > b.title ? 1 : a.id < b.id ? -1 : 1),
  );
}

/**
 * Which ids are shown: those that were there when the person last looked anew. What
 * came since waits behind a chip, so that nothing moves under the pointer; what is
 * gone is gone.
 */
export function settled(shown: ReadonlySet<string> | undefined, ids: readonly string[]) {
  if (!shown) return { show: new Set(ids), fresh: [] as string[] };
  const fresh = ids.filter((id) => !shown.has(id));
  return { show: new Set(ids.filter((id) => shown.has(id))), fresh };
}
