const key = 'lockstep.recent';
const kept = 6;

export interface Visit {
  href: string;
  label: string;
}

/** Where this person was last, newest first. */
export function recent(): Visit[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(read) ? read.filter(isVisit).slice(0, kept) : [];
  } catch {
    return [];
  }
}

const isVisit = (v: unknown): v is Visit =>
  typeof v === 'object' && v !== null && typeof (v as Visit).label === 'string' && /^\/(?!\/)/.test((v as Visit).href);

/** Remembers a page of one object, for the palette. */
export function visited(visit: Visit) {
  try {
    localStorage.setItem(key, JSON.stringify([visit, ...recent().filter((r) => r.href !== visit.href)].slice(0, kept)));
  } catch {
    // Without storage nothing is remembered.
  }
}
