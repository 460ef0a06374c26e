import { lazy, Suspense, useSyncExternalStore } from 'react';
import { asProblem } from '@/api/problem';

export interface Said {
  title: string;
  about?: string;
  bad?: boolean;
  undo?: () => void;
}

// Said before the part that shows it was there: kept until it is.
const waiting: Said[] = [];
let show: ((said: Said) => void) | undefined;
let wanted = false;
const listeners = new Set<() => void>();

function say(said: Said) {
  if (show) {
    show(said);
    return;
  }
  waiting.push(said);
  wanted = true;
  for (const listener of listeners) listener();
}

/** Called by the part that shows toasts when it is there. */
export function showWith(next: (said: Said) => void) {
  show = next;
  for (const said of waiting.splice(0)) next(said);
}

/** Says that something was done; with Undo where it can be undone. */
export function toast(title: string, options: { about?: string; undo?: () => void } = {}) {
  say({ title, ...options });
}

/** Says that something failed, in the server's words. */
export function toastProblem(thrown: unknown) {
  const problem = asProblem(thrown);
  say({ title: problem.detail || problem.title, about: problem.hint || undefined, bad: true });
}

const Toasts = lazy(() => import('./toasts'));

/** Where toasts appear; fetched with the first one. */
export function ToastPlace() {
  const on = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => wanted,
  );
  return on ? (
    <Suspense fallback={null}>
      <Toasts />
    </Suspense>
  ) : null;
}
