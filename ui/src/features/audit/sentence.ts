import type { AuditEntry } from '@/api/types';
import { counted, short } from '@/format/count';

/** One entry as a sentence: who did what to which. */
export interface Sentence {
  who: string;
  did: string;
  /** The Stack that it is about, as namespace/name; the page makes it a link. */
  of?: string;
  /** After the Stack. */
  rest?: string;
  /** In the words of whoever knows; it is not repeated in did. */
  why?: string;
}

type Detail = AuditEntry['data'];
type Say = (e: AuditEntry, d: Detail) => Omit<Sentence, 'who' | 'of'> & { who?: string };

const str = (d: Detail, key: string): string => (typeof d[key] === 'string' ? (d[key] as string) : '');
const num = (d: Detail, key: string): number => (typeof d[key] === 'number' ? (d[key] as number) : 0);
const list = (d: Detail, key: string): unknown[] => (Array.isArray(d[key]) ? (d[key] as unknown[]) : []);
const bare = (words: string[]): string => words.filter(Boolean).join(' ');
const good = (e: AuditEntry): boolean => e.outcome === undefined || e.outcome === '' || /^succeeded$/i.test(e.outcome);

// A kind added to the API fails to compile here until somebody finds words for it.
const words: Record<AuditEntry['kind'], Say> = {
  release: (e, d) => {
    if (e.verb === 'delete') return { did: 'deleted', why: e.reason };
    const n = num(d, 'number') ? `release ${num(d, 'number')}` : 'a release';
    const verb = /^failed$/i.test(e.outcome ?? '')
      ? `could not carry out ${n} of`
      : /^progressing$/i.test(e.outcome ?? '')
        ? `began ${n} of`
        : /^superseded$/i.test(e.outcome ?? '')
          ? `left ${n} to a newer one in`
          : `carried out ${n} of`;
    const commit = str(d, 'revision') ? `at ${short(str(d, 'revision'))}` : '';
    return {
      did: verb,
      rest: bare([commit, str(d, 'author') && `by ${str(d, 'author').replace(/\s*<.*>$/, '')}`]),
      why: e.reason || str(d, 'subject'),
    };
  },
  drift: (e, d) => {
    const field = bare([str(d, 'field'), str(d, 'field') && 'of', str(d, 'object')]);
    const who = str(d, 'manager') || 'Somebody';
    if (e.verb === 'end') return { did: `saw the change of ${field || 'something'} gone from`, why: e.reason };
    return {
      who,
      did: `changed ${field || 'something'} in`,
      rest:
        str(d, 'git') || str(d, 'live') ? `from ${str(d, 'git') || 'nothing'} to ${str(d, 'live') || 'nothing'}` : '',
      why: e.reason,
    };
  },
  heal: (e, d) => {
    const fields = list(d, 'fields') as Detail[];
    const n = fields.length + num(d, 'more');
    const one = fields[0];
    const managers = [...new Set(fields.map((f) => (f && typeof f === 'object' ? str(f, 'manager') : '')))].filter(
      Boolean,
    );
    const what =
      n === 0
        ? 'what was changed'
        : n === 1 && one
          ? bare(['the change of', str(one, 'field'), 'of', str(one, 'object')])
          : counted(n, 'change');
    return {
      did: `${good(e) ? 'undid' : /^progressing$/i.test(e.outcome ?? '') ? 'began to undo' : 'could not undo'} ${what} in`,
      rest: managers.length > 0 ? `by ${managers.join(', ')}` : '',
      why: e.reason,
    };
  },
  approval: (e, d) => ({
    did: bare([
      /reject|refuse/i.test(e.verb) ? 'rejected' : 'approved',
      str(d, 'plan') ? `plan ${digest(str(d, 'plan'))} of` : 'a plan of',
    ]),
    rest: list(d, 'losses').length > 0 ? `accepting the loss of ${list(d, 'losses').join(', ')}` : '',
    why: e.reason,
  }),
  rollback: (e, d) => ({
    did: good(e) ? 'rolled back' : 'wanted to roll back',
    rest: bare([
      num(d, 'to') > 0 ? `to release ${num(d, 'to')}` : '',
      str(d, 'mode') === 'hold' ? 'and holds it there' : '',
      str(d, 'mode') === 'commit' ? bare(['by a commit', str(d, 'branch') && `on ${str(d, 'branch')}`]) : '',
      str(d, 'mode') === 'branch' ? bare(['by the branch', str(d, 'branch')]) : '',
    ]),
    why: e.reason,
  }),
  pause: (e, d) => ({
    did: /resume/i.test(e.verb) ? 'let go on' : 'paused',
    rest: str(d, 'until')
      ? `until ${str(d, 'until')
          .replace('T', ' ')
          .replace(/:\d\d(\.\d+)?Z$/, ' UTC')}`
      : '',
    why: e.reason,
  }),
  login: (e, d) => ({
    did: bare([
      good(e) ? 'signed in' : 'could not sign in',
      str(d, 'provider') && `by ${str(d, 'provider')}`,
      str(d, 'address') && `from ${str(d, 'address')}`,
    ]),
    why: e.reason,
  }),
  logout: (e, d) => ({ did: str(d, 'of') ? `signed out ${str(d, 'of')}` : 'signed out', why: e.reason }),
  token: (e, d) => ({
    did: bare([
      /revoke/i.test(e.verb)
        ? 'revoked the token'
        : /exchange/i.test(e.verb)
          ? "exchanged a job's token"
          : 'made the token',
      str(d, 'name') || str(d, 'id'),
      /create/i.test(e.verb) ? `for ${list(d, 'scopes').join(', ') || 'all that they may do'}` : '',
    ]),
    why: e.reason,
  }),
  call: (e, d) => {
    const known = callWords[e.verb];
    const operation = str(d, 'operation') && `(${str(d, 'operation')})`;
    const to = e.name ? 'on' : '';
    if (!good(e)) {
      const what = known ? `to ${known[1]}` : bare(['to', e.verb, operation, to]);
      return {
        did: `${/^denied$/i.test(e.outcome ?? '') ? 'was not allowed' : 'tried in vain'} ${what}`,
        why: e.reason,
      };
    }
    return { did: known?.[0] ?? bare(['did', e.verb, operation, to]), why: e.reason };
  },
  retention: (_, d) => {
    const removed =
      d.removed && typeof d.removed === 'object' ? Object.values(d.removed as Record<string, number>) : [];
    const n = removed.reduce((a, b) => a + b, 0);
    return { did: `removed ${counted(n, 'entry', 'entries')} that were older than is kept` };
  },
  gap: (e, d) => {
    const lost = d.lost && typeof d.lost === 'object' ? Object.values(d.lost as Record<string, number>) : [];
    const n = lost.reduce((a, b) => a + b, 0);
    return { did: `lost ${counted(n, 'entry', 'entries')} before they could be kept`, why: e.reason };
  },
};

/** What was asked for: done, and wanted. */
const callWords: Record<string, [did: string, wanted: string]> = {
  reconcile: ['asked for a look at', 'ask for a look at'],
  fetch: ['had the remote looked at of Source', 'have the remote looked at of Source'],
  pause: ['paused', 'pause'],
  resume: ['let go on', 'let go on'],
  rollback: ['asked to roll back', 'roll back'],
  approve: ['approved a plan of', 'approve a plan of'],
  restart: ['restarted something of', 'restart something of'],
  scale: ['scaled something of', 'scale something of'],
  'state-pull': ['read the state of', 'read the state of'],
  'state-push': ['wrote the state of', 'write the state of'],
  'state-lock': ['locked the state of', 'lock the state of'],
  'state-unlock': ['took a lock off the state of', 'take a lock off the state of'],
  'state-restore': ['restored an older state of', 'restore an older state of'],
  'state-delete': ['deleted the state of', 'delete the state of'],
};

/** sha256:1d9e… as people compare it. */
const digest = (plan: string): string => plan.replace(/^(sha256:)?([0-9a-f]{8})[0-9a-f]*$/, '$2');

export const personOf = (e: AuditEntry): string => e.person.display || e.person.name || 'Somebody unknown';

export function sentenceOf(e: AuditEntry): Sentence {
  const say = words[e.kind] as Say | undefined;
  const said: ReturnType<Say> = say ? say(e, e.data) : { did: bare([e.verb, e.kind]), why: e.reason };
  return {
    ...said,
    who: said.who ?? personOf(e),
    of: e.name ? `${e.namespace}/${e.name}` : undefined,
  };
}

/** The sentence without links, for assistive technology and to be copied. */
export function inWords(e: AuditEntry): string {
  const s = sentenceOf(e);
  return bare([s.who, s.did, s.of ?? '', s.rest ?? '', s.why ? `: ${s.why}` : '']).replace(' : ', ': ');
}

export type OutcomeTone = 'ok' | 'bad' | 'info' | 'idle';

/** How it ended, as a tone; what is not known to be bad is only said. */
export function toneOf(outcome: string): OutcomeTone {
  if (/^succeeded$/i.test(outcome)) return 'ok';
  if (/^(progressing|pending|waiting|superseded)$/i.test(outcome)) return 'info';
  if (/^(failed|denied|invalid|conflict|notfound|unavailable|timeout|internal|unauthenticated|toomany)/i.test(outcome))
    return 'bad';
  return 'idle';
}
