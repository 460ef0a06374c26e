import type { EventData } from '@/api/types';
import type { ServerEvent } from './sse';

/** One event, with data of the shape that the contract gives its name. */
export type LiveEvent = { [T in keyof EventData]: { type: T; id: string; data: EventData[T] } }[keyof EventData];

const known: Record<keyof EventData, true> = {
  hello: true,
  bye: true,
  ping: true,
  resync: true,
  fleet: true,
  rows: true,
  stack: true,
  source: true,
  target: true,
};

/** Undefined for what a newer server says and this page does not know. */
export function parseEvent(event: ServerEvent): LiveEvent | undefined {
  if (!Object.hasOwn(known, event.type)) return undefined;
  try {
    return { type: event.type, id: event.id, data: JSON.parse(event.data) } as LiveEvent;
  } catch {
    return undefined;
  }
}

/** The topic that an event belongs to; "*" is for all who listen. */
export function topicOf(event: LiveEvent): string | undefined {
  switch (event.type) {
    case 'fleet':
    case 'rows':
      return 'fleet';
    case 'stack':
      return `stack:${event.data.namespace}/${event.data.name}`;
    case 'source':
      return 'sources';
    case 'target':
      return 'targets';
    case 'resync':
      return '*';
    default:
      return undefined;
  }
}
