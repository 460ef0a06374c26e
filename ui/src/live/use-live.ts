import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { LiveEvent } from './events';
import { Hub } from './hub';
import type { LiveState } from './state';

export const hub = new Hub();

export const useLiveState = (): LiveState => useSyncExternalStore(hub.subscribe, hub.current);

/**
 * Hears what happens to a topic ("fleet", "sources", "targets", "stack:payments/shop") while mounted. At
 * most once per frame per event; `resync` means that everything has to be fetched
 * anew. Undefined listens to nothing.
 */
export function useLive(topic: string | undefined, handler: (event: LiveEvent) => void) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    if (topic === undefined) return;
    return hub.on(topic, (event) => latest.current(event));
  }, [topic]);
}
