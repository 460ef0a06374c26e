import { shellQuoted } from '@/features/fleet/params';
import { type Mistake, parse, printValue, without } from '@/filter/grammar';
import type { operations } from '@/gen/api';

type Query = NonNullable<operations['listAudit']['parameters']['query']>;
export type Kind = NonNullable<Query['kind']>[number];

/** All kinds, in the order in which people are shown them, with what they are. */
export const kinds: Record<Kind, string> = {
  release: 'Releases',
  drift: 'Drift that was found',
  heal: 'Drift that was undone',
  approval: 'Approvals',
  rollback: 'Rollbacks',
  pause: 'Pauses',
  login: 'Sign-ins',
  logout: 'Sign-outs',
  token: 'Tokens',
  call: 'Requests that change something',
  retention: 'What retention removed',
  gap: 'Entries that were lost',
};

export const fields = ['kind', 'person', 'verb', 'stack', 'outcome', 'since', 'until', 'request'];

export interface Asked {
  query: Omit<Query, 'order' | 'cursor' | 'limit'>;
  mistake?: Mistake;
}

/**
 * What a filter asks the record for. It is the grammar of all lists, of which the
 * record can do a part: one value of a field, several kinds, nothing turned round.
 * Ages are taken from now, so that "since:24h" in an address stays true.
 */
export function asked(q: string, now: number): Asked {
  const { terms, mistake } = parse(q);
  const query: Asked['query'] = {};
  const words: string[] = [];
  let wrong = mistake;
  const no = (at: number, what: string) => {
    wrong ??= { at, what };
  };
  for (const term of terms) {
    if (term.not) no(term.start, 'the record can be asked for what happened, not for what did not');
    const raw = term.values.map((v) => v.raw);
    const [value = ''] = raw;
    if (term.field === undefined) {
      words.push(value);
      continue;
    }
    if (raw.length > 1 && term.field !== 'kind') no(term.start, `${term.field} takes one value`);
    switch (term.field) {
      case 'kind': {
        const known = raw.map((r) => r.toLowerCase());
        const strange = known.find((k) => !Object.hasOwn(kinds, k));
        if (strange !== undefined) no(term.start, `there is no kind "${strange}": ${Object.keys(kinds).join(', ')}`);
        else query.kind = [...(query.kind ?? []), ...(known as Kind[])];
        break;
      }
      case 'person':
      case 'verb':
      case 'outcome':
      case 'request':
        query[term.field] = value;
        break;
      case 'stack':
        stack(value, query);
        break;
      case 'since':
      case 'until': {
        const at = moment(value, now);
        if (at === undefined)
          no(term.start, `${term.field} is a time or an age: 2026-03-01, 2026-03-01T14:00, 90m, 24h, 7d`);
        else query[term.field] = at;
        break;
      }
      default:
        no(term.start, `the record has no field "${term.field}": ${fields.join(', ')}`);
    }
  }
  if (words.length > 0) query.q = words.join(' ');
  return wrong ? { query, mistake: wrong } : { query };
}

/** namespace/name, namespace/* or a namespace. */
function stack(value: string, query: Asked['query']) {
  const [namespace, name] = value.split('/');
  query.namespace = namespace;
  if (name && name !== '*') query.name = name;
}

const sizes: Record<string, number> = { m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** A point in time out of an age or a date, as the API reads it. */
export function moment(value: string, now: number): string | undefined {
  const age = /^(\d{1,5})(m|min|h|d|w)$/.exec(value.toLowerCase());
  if (age) return new Date(now - Number(age[1]) * sizes[age[2]!]!).toISOString();
  if (!/^\d{4}-\d{2}-\d{2}(t[\d:.]+(z|[+-]\d{2}:\d{2})?)?$/i.test(value)) return undefined;
  // A bare date is a day of the person who looks, not of Greenwich.
  const at = new Date(value.length === 10 ? `${value}T00:00` : value);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** Puts one value of a field into a filter, or takes the field out. */
export function withField(q: string, field: string, value: string): string {
  const rest = without(q, field);
  if (value === '') return rest;
  return `${rest} ${field}:${printValue(value)}`.trim();
}

/** The command that shows the same. */
export function auditCli(q: string, now: number): string {
  const { query } = asked(q, now);
  const words = ['lockstep', 'audit'];
  if (query.namespace) words.push('--stack', `${query.namespace}/${query.name ?? '*'}`);
  if (query.kind) words.push('--kind', query.kind.join(','));
  if (query.person) words.push('--person', query.person);
  if (query.verb) words.push('--verb', query.verb);
  if (query.q) words.push('--text', query.q);
  if (query.since) words.push('--since', `${Math.max(1, Math.round((now - Date.parse(query.since)) / 60_000))}m`);
  return words.map(shellQuoted).join(' ');
}
