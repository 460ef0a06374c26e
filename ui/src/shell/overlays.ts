import { useSyncExternalStore } from 'react';

export type Overlay = 'palette' | 'keys';

let current: Overlay | undefined;
const listeners = new Set<() => void>();

function set(next: Overlay | undefined) {
  current = next;
  for (const listener of listeners) listener();
}

/** The palette and the sheet of keys; at most one is open. */
export const overlays = {
  open: (which: Overlay) => set(which),
  close: () => set(undefined),
  toggle: (which: Overlay) => set(current === which ? undefined : which),
};

export const useOverlay = (): Overlay | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
