import type { components } from '@/gen/api';

export type Entry = components['schemas']['AuditEntry'];
export type Release = components['schemas']['Release'];
type Row = components['schemas']['ReleaseRow'];
type Times = Release['steps'];

/** The steps from commit to healthy, in order, each with the time that ends it. */
const stations = [
  ['fetch', 'fetched'],
  ['wait', 'started'],
  ['render', 'rendered'],
  ['plan', 'planned'],
  ['apply', 'applied'],
  ['become healthy', 'healthy'],
] as const satisfies readonly (readonly [string, keyof Times])[];

export interface Leg {
  name: string;
  ms: number;
}

/** What each step took, as far as it is known; a time that is missing joins two steps into one. */
export function legs(t: Times): Leg[] {
  const out: Leg[] = [];
  let from = t.committed ? Date.parse(t.committed) : Number.NaN;
  for (const [name, key] of stations) {
    const at = t[key] ? Date.parse(t[key]) : Number.NaN;
    if (Number.isNaN(at)) continue;
    if (!Number.isNaN(from)) out.push({ name, ms: Math.max(0, at - from) });
    from = at;
  }
  return out;
}

/** Half of the numbers are no greater; undefined of none. */
export function median(of: readonly number[]): number | undefined {
  const sorted = [...of].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 2) - 1];
}

const verbs = ['delete', 'replace', 'update', 'create', 'orphan'];
const rank = (verb: string) => (verbs.includes(verb) ? verbs.indexOf(verb) : verbs.length);

/** Objects of a plan by verb, what went first; within a verb as the plan has them. */
export const byVerb = <T extends { verb: string }>(objects: readonly T[]): T[] =>
  [...objects].sort((a, b) => rank(a.verb) - rank(b.verb));

const some = (of: unknown) => Array.isArray(of) && of.length > 0;

/**
 * Entries without those that a newer one stands for, across pages: of a release the
 * newest, of each heal how it ended. What was healed is said when that begins, and goes
 * to the one that stays.
 */
export function newestOfEach(entries: readonly Entry[]): Entry[] {
  const at = new Map<unknown, number>();
  const out: Entry[] = [];
  for (const e of entries) {
    const of = e.kind === 'release' || e.kind === 'heal' ? `${e.kind} ${e.data.number}` : undefined;
    const newer = of === undefined ? undefined : at.get(of);
    // What is healed over and over may be one release, and is told each time.
    if (newer !== undefined && (e.kind === 'release' || e.outcome === 'Progressing')) {
      const kept = out[newer]!;
      if (!some(kept.data.fields) && some(e.data.fields))
        out[newer] = { ...kept, data: { ...kept.data, fields: e.data.fields } };
      continue;
    }
    if (of !== undefined) at.set(of, out.length);
    out.push(e);
  }
  return out;
}

/** A commit that goes live again did not take since it was made. */
export const ownSteps = (r: Release): Times =>
  r.cause === 'commit' ? r.steps : { ...r.steps, committed: undefined, fetched: undefined };

/** A release as its page shows it, whoever remembers it. */
export interface Shown {
  revision: string;
  subject: string;
  author: string;
  cause: string;
  times: number;
  outcome: string;
  started?: string;
  finished?: string;
  summary: string;
  digest: string;
  message: string;
}

/** What the Stack remembers is newest; what it forgot is taken from the record. */
export function releaseShown(row: Row | undefined, kept: Release | undefined): Shown | undefined {
  if (!row && !kept) return undefined;
  return {
    revision: row?.revision ?? kept?.revision ?? '',
    subject: row?.subject ?? kept?.subject ?? '',
    author: row?.author ?? kept?.author?.replace(/ <.*/, '') ?? '',
    cause: row?.cause ?? kept?.cause ?? '',
    times: row?.times ?? kept?.times ?? 1,
    outcome: row?.outcome ?? kept?.outcome ?? '',
    started: row?.started ?? kept?.steps.started,
    finished: row ? row.finished : (kept?.steps.ended ?? kept?.steps.healthy),
    summary: row?.summary ?? (kept ? summaryOf(kept.summary) : ''),
    digest: row?.digest ?? kept?.plan ?? '',
    message: row?.message ?? kept?.message ?? '',
  };
}

const counted: [keyof Release['summary'], string][] = [
  ['create', 'to create'],
  ['update', 'to change'],
  ['replace', 'to replace'],
  ['delete', 'to delete'],
  ['orphan', 'to let go'],
];

/** The steps of a plan in words. */
export const summaryOf = (of: Release['summary']): string =>
  counted.flatMap(([verb, words]) => ((of[verb] ?? 0) > 0 ? [`${of[verb]} ${words}`] : [])).join(', ') ||
  'nothing to do';
