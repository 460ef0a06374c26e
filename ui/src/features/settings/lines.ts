import { shellQuoted } from '@/features/fleet/params';

/** Commands that do what the settings do. */
export function canCli(of: { verb: string; stack: string; as: string; groups: readonly string[] }): string {
  const words = ['lockstep', 'auth', 'can', of.verb];
  if (of.stack) words.push(of.stack);
  if (of.as) words.push('--as', of.as);
  for (const group of of.as ? of.groups : []) words.push('--as-group', group);
  return words.map(shellQuoted).join(' ');
}

export interface Wanted {
  name: string;
  scopes: readonly string[];
  /** As a duration of Go: "720h". */
  for: string;
  machine: string;
  groups: readonly string[];
}

export function tokenCli(of: Wanted): string {
  const words = ['lockstep', 'token', 'create', of.name || 'NAME', '--for', of.for];
  for (const scope of of.scopes) words.push('--scope', scope);
  if (of.machine) words.push('--machine', of.machine);
  for (const group of of.machine ? of.groups : []) words.push('--group', group);
  return words.map(shellQuoted).join(' ');
}

/** What people separate by blanks, commas or lines. */
export const pieces = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** namespace/name, namespace/* or nothing, as the API takes a place; undefined for what is none. */
export function placeOf(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '*' || trimmed === '*/*') return '';
  const parts = trimmed.split('/');
  if (parts.length === 1) return /^[a-z0-9][a-z0-9-]*$/.test(trimmed) ? `${trimmed}/*` : undefined;
  return parts.length === 2 && parts.every((p) => /^(\*|[a-z0-9][a-z0-9.-]*)$/.test(p)) ? trimmed : undefined;
}

/** A place as people say it. */
export function placeWords(place: string): string {
  if (place === '') return 'all Stacks';
  return place.endsWith('/*') ? `all Stacks of ${place.slice(0, -2)}` : place;
}

/** A client as it calls itself, shortened to what a person recognises it by. */
export function clientName(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\/[\d.]+/.exec(agent);
  if (!browser || !agent.startsWith('Mozilla/')) return agent || 'unknown';
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera' };
  // Chrome says that it is Safari, too, and Edge that it is Chrome.
  const name = /Edg\//.test(agent) ? 'Edge' : /OPR\//.test(agent) ? 'Opera' : (names[browser[1]!] ?? browser[1]!);
  const on = /(Windows|Macintosh|Android|iPhone|iPad|CrOS|Linux)/.exec(agent)?.[1];
  return on ? `${name} on ${on === 'Macintosh' ? 'macOS' : on}` : name;
}
