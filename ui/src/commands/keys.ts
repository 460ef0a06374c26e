import { type Command, commands } from './commands';

/** How a key stroke is written in a command: "?", "g", "Enter", "mod+k", "shift+ArrowDown". */
export function strokeOf(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const mod = e.ctrlKey || e.metaKey ? 'mod+' : '';
  const alt = e.altKey ? 'alt+' : '';
  // A shifted letter or sign is its own key: "Y", "?".
  const shift = e.shiftKey && e.key.length > 1 ? 'shift+' : '';
  return mod + alt + shift + e.key;
}

export const keysOf = (c: Command): string[] => (c.keys === undefined ? [] : Array.isArray(c.keys) ? c.keys : [c.keys]);

/** How long the second key of a sequence is waited for. */
export const patience = 1200;

/**
 * Finds what a stroke means after those before it: a command, the beginning of one
 * ("wait"), or nothing. Pure, so that it can be tested without a keyboard.
 */
export function match(all: Command[], before: string[], stroke: string): Command | 'wait' | undefined {
  const typed = [...before, stroke].join(' ');
  let waits = false;
  // From the end: what was offered last is nearest to the person.
  for (let i = all.length - 1; i >= 0; i--) {
    for (const keys of keysOf(all[i]!)) {
      if (keys === typed) return all[i];
      if (keys.startsWith(`${typed} `)) waits = true;
    }
  }
  if (waits) return 'wait';
  return before.length > 0 ? match(all, [], stroke) : undefined;
}

const storageKey = 'lockstep.keys';
let single = (() => {
  try {
    return localStorage.getItem(storageKey) !== 'off';
  } catch {
    return true;
  }
})();

export const singleKeys = () => single;

/** Switches keys without ⌘ or Ctrl on or off (WCAG 2.1.4). */
export function setSingleKeys(on: boolean) {
  single = on;
  try {
    localStorage.setItem(storageKey, on ? 'on' : 'off');
  } catch {
    // Kept for this page only.
  }
}

const writing = (el: EventTarget | null): boolean =>
  el instanceof HTMLElement &&
  (el.isContentEditable ||
    el instanceof HTMLTextAreaElement ||
    el instanceof HTMLSelectElement ||
    (el instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit'].includes(el.type)));

const inOverlay = (el: EventTarget | null): boolean =>
  el instanceof Element && el.closest('[role="dialog"],[role="menu"],[role="listbox"]') !== null;

/** Keys that already mean something on what has the focus. */
function taken(e: KeyboardEvent): boolean {
  const on = e.target;
  if (!(on instanceof HTMLElement)) return false;
  const acts = on.closest('button,a[href],summary,[role="tab"],[role="menuitem"],[role="checkbox"],[role="switch"]');
  if (acts && (e.key === 'Enter' || e.key === ' ')) return true;
  return on.closest('[role="tab"]') !== null && e.key.startsWith('Arrow');
}

/** Listens for the keys of all commands until it is called off. */
export function listen(target: Document = document): () => void {
  let before: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const forget = () => {
    before = [];
    clearTimeout(timer);
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.defaultPrevented || e.isComposing || ['Shift', 'Control', 'Alt', 'Meta'].includes(e.key)) return;
    const stroke = strokeOf(e);
    const chord = stroke.startsWith('mod+') || stroke.startsWith('alt+');
    const busy = writing(e.target) || inOverlay(e.target);
    const may = commands().filter((c) => (busy ? c.always : true) && (chord || single || c.always));
    if (!chord && (busy || !single) && !may.some((c) => keysOf(c).includes(stroke))) return forget();
    if (taken(e)) return forget();
    const found = match(may, before, stroke);
    if (found === undefined) return forget();
    e.preventDefault();
    if (found === 'wait') {
      before = [...before, stroke];
      clearTimeout(timer);
      timer = setTimeout(forget, patience);
      return;
    }
    forget();
    found.run();
  };
  target.addEventListener('keydown', onKey);
  return () => {
    forget();
    target.removeEventListener('keydown', onKey);
  };
}
