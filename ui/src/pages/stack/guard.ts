import { counted } from '@/format/count';
import type { components } from '@/gen/api';
import { keyOf } from './ids';
import type { ReleaseRow } from './types';

export type Preview = components['schemas']['Rollback'];
export type Risk = components['schemas']['Risk'];

/** How a stack goes back. */
export type As = Preview['as'];

/** For how long something may be left as it is, as the server reads it. */
export const spans = {
  pause: [
    ['30m', '30 minutes'],
    ['2h', '2 hours'],
    ['24h', '1 day'],
    ['', 'no end'],
  ],
  hold: [
    ['4h', '4 hours'],
    ['24h', '1 day'],
    ['72h', '3 days'],
    ['168h', '7 days'],
  ],
} as const;

/** More losses than this are ticked: typing a dozen names teaches to paste. */
const typed = 3;

/** How a loss is agreed to: by typing its name, or by ticking it where there are many. */
export const byTyping = (p: Preview): boolean => p.accept.length <= typed;

/** What is to be typed for one id of accept: the name people know the thing by. */
export const nameOf = (id: string): string => (id.includes('/') ? keyOf(id).name : id);

/** What somebody has filled in. */
export interface Answer {
  reason: string;
  /** By id of accept: what was typed, or the name where it was ticked. */
  losses: Readonly<Record<string, string>>;
}

/** What is still wanted before the rollback can be asked for; undefined for nothing. */
export function wanting(p: Preview, a: Answer): string | undefined {
  if (p.problem) return 'It cannot be carried out whole.';
  if (a.reason.trim() === '') return 'Say why, for whoever finds Git ahead.';
  const open = p.accept.filter((id) => a.losses[id]?.trim() !== nameOf(id));
  if (open.length === 0) return undefined;
  const how = byTyping(p) ? 'Type' : 'Tick';
  return `${how} what may be lost: ${open.map(nameOf).slice(0, 3).join(', ')}${open.length > 3 ? ' …' : ''}`;
}

/** How many objects are written or deleted. */
export const changed = (p: Preview): number =>
  p.summary.update + p.summary.create + p.summary.delete + p.summary.replace;

/** The words on the button; they say what goes where something does. */
export function verdict(p: Preview): string {
  if (p.as === 'branch') return 'Push the branch';
  if (p.as === 'commit' && changed(p) === 0) return 'Commit';
  const gone = p.summary.delete + p.summary.replace;
  if (gone > 0) return `Roll back, delete ${gone}`;
  return changed(p) > 0 ? `Roll back ${counted(changed(p), 'object')}` : 'Hold here';
}

/** Losses first, then what wants a look; otherwise as the server has them. */
export const split = (risks: readonly Risk[]): { losses: Risk[]; reviews: Risk[] } => ({
  losses: risks.filter((r) => r.level === 'loss'),
  reviews: risks.filter((r) => r.level !== 'loss'),
});

/** Releases to go back to: each commit once, as it was released last, without what is live. */
export function earlier(releases: readonly ReleaseRow[], live: string | undefined): ReleaseRow[] {
  const seen = new Set([live]);
  return releases.filter((r) => {
    if (seen.has(r.revision)) return false;
    seen.add(r.revision);
    return true;
  });
}

/** Where one wants to go as a rule: the newest that became healthy. */
export const likely = (choices: readonly ReleaseRow[]): ReleaseRow | undefined =>
  choices.find((r) => r.outcome === 'Succeeded') ?? choices[0];

/** One word of a shell, quoted where it must be. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A command line of a verb on a Stack; flags without a value are left out. */
export function line(verb: string, unit: string, flags: readonly (readonly [string, string])[] = []): string {
  const given = flags.filter(([, value]) => value !== '').map(([flag, value]) => ` --${flag} ${quoted(value)}`);
  return `lockstep ${verb} ${unit}${given.join('')}`;
}

/** The commit that Git is at beyond a held one, of what a Source says it is at: "main@1a2b3c4". */
export function ahead(held: string, source: string | undefined): string | undefined {
  const commit = source?.match(/(?:^|@)([0-9a-f]{7,64})$/)?.[1];
  return commit === undefined || held.startsWith(commit) ? undefined : commit;
}
