import { useEffect, useRef, useSyncExternalStore } from 'react';

/**
 * A command is something a person can do here. One list feeds the keys, the
 * palette and the `?` sheet, so that the three never disagree.
 */
export interface Command {
  id: string;
  label: string;
  group: 'Go' | 'This page' | 'Selection' | 'Look' | 'Help';
  /** "g f" is one key after the other; "mod+k" is ⌘ or Ctrl. */
  keys?: string | string[];
  run(): void;
  /** The same thing on the command line. */
  cli?: string;
  /** Only a key and a line of the sheet, as moving a cursor is. */
  unlisted?: boolean;
  /** Works while a dialog is open or a field has the focus. */
  always?: boolean;
}

type Entry = { order: number; commands: () => Command[] };

let next = 0;
const entries = new Set<Entry>();
const listeners = new Set<() => void>();
let snapshot: Command[] = [];

function changed() {
  // Later ones stand for what is nearer to the person, and win.
  const byId = new Map<string, Command>();
  for (const entry of [...entries].sort((a, b) => a.order - b.order)) {
    for (const command of entry.commands()) byId.set(command.id, command);
  }
  snapshot = [...byId.values()];
  for (const listener of listeners) listener();
}

/** Commands that are there right now. */
export const commands = (): Command[] => snapshot;

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useAllCommands = (): Command[] => useSyncExternalStore(subscribe, commands);

/**
 * Offers commands while the component is mounted. They may be built anew on every
 * render: what they do is looked up when it is asked for, and listeners hear of
 * them only when what is shown of them changed.
 */
export function useCommands(offered: Command[]) {
  const latest = useRef(offered);
  latest.current = offered;
  const shape = offered.map((c) => [c.id, c.label, c.keys, c.cli].join(' ')).join('\n');
  useEffect(() => {
    void shape;
    const entry: Entry = {
      order: next++,
      commands: () =>
        latest.current.map((c) => ({ ...c, run: () => latest.current.find((now) => now.id === c.id)?.run() })),
    };
    entries.add(entry);
    changed();
    return () => {
      entries.delete(entry);
      changed();
    };
  }, [shape]);
}
