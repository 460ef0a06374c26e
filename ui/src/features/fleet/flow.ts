import type { Flow } from '@/api/types';
import { ago, lasted } from '@/format/time';

const verbs: Record<Flow['verb'], string> = {
  starting: 'Starting',
  applying: 'Applying',
  rollingOut: 'Rolling out',
  waiting: 'Waits for',
  holding: 'Held by',
  reverting: 'Reverts',
  reporting: 'Reports',
  retrying: 'Tries again',
  stopped: 'Stopped',
  paused: 'Paused',
  deleting: 'Deleting',
  checking: 'Next check',
};

/** What Lockstep is doing about a Stack, and when it does something next: always a verb and a time. */
export function flowText(flow: Flow, now: number): string {
  const verb = verbs[flow.verb] ?? flow.verb;
  const until = flow.until === undefined ? Number.NaN : Date.parse(flow.until);
  const since = flow.since === undefined ? Number.NaN : Date.parse(flow.since);
  const what = flow.what ? ` ${flow.what}` : '';
  // Past its time it is about to happen; "in -3 s" helps nobody.
  if (!Number.isNaN(until)) return `${verb}${what} ${until - now < 10_000 ? 'soon' : ago(until, now)}`;
  if (flow.verb === 'checking')
    return what ? `Checks${what}` : flow.every ? `Checks every ${lasted(flow.every * 1000)}` : 'Watches';
  if (Number.isNaN(since)) return `${verb}${what}`;
  return `${verb}${what}, since ${lasted(Math.max(0, now - since))}`;
}
