import { short } from '@/format/count';
import type { StackName } from './types';

/**
 * What one side of a comparison is in an address: the number of a release or a whole
 * commit, "live" for what the Target has, "git" for what the Source says now.
 */
export type Side = string;
export const live = 'live';
export const git = 'git';

const known = /^(live|git|[1-9]\d{0,9}|[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether the server can be asked for it. */
export const isSide = (side: Side): boolean => known.test(side);

/** What the API is asked for: what the Source says now is what is left out. */
export const asked = (side: Side): string | undefined => (side === git ? undefined : side);

/** A side in words, for columns and sentences. */
export function sideName(side: Side): string {
  if (side === live) return 'Live';
  if (side === git) return 'Git now';
  return /^\d{1,10}$/.test(side) ? `Release ${side}` : short(side);
}

/** NAMESPACE/NAME of another Stack; undefined for anything else, and for the Stack itself. */
export function otherStack(s: StackName, typed: string): StackName | undefined {
  const [namespace = '', name = '', more] = typed.trim().split('/');
  if (!namespace || !name || more !== undefined) return undefined;
  return namespace === s.namespace && name === s.name ? undefined : { namespace, name };
}

/** Why two sides cannot be compared, or nothing new would come of it. */
export function pointless(from: Side, to: Side, other: StackName | undefined): string | undefined {
  const strange = [from, to].find((side) => !isSide(side));
  if (strange !== undefined) return `“${strange.slice(0, 40)}” is neither a release nor a whole commit`;
  if (other && (from === live || to === live))
    return 'What is live is compared with the Stack’s own releases, and another Stack with what both render to';
  if (!other && from === to) return 'Both sides are the same';
  return undefined;
}

/** The command that shows the same. */
export function compareCli(s: StackName, from: Side, to: Side, other: StackName | undefined): string {
  const words = [`lockstep diff ${s.namespace}/${s.name}`];
  if (from !== git) words.push(`--from ${from}`);
  if (to !== git) words.push(`--to ${to}`);
  if (other) words.push(`--with ${other.namespace}/${other.name}`);
  // With nothing else said it compares what is live with Git.
  return words.join(' ');
}
