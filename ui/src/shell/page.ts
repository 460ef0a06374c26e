import { useEffect, useSyncExternalStore } from 'react';

export interface Crumb {
  label: string;
  href?: string;
}

export interface PageInfo {
  /** From the left: where one is. The last one is the page's title. */
  crumbs: Crumb[];
  /** The command that shows the same, for `Y` and the footer. */
  cli?: string;
}

const nothing: PageInfo = { crumbs: [] };
let current = nothing;
const listeners = new Set<() => void>();

function set(info: PageInfo) {
  current = info;
  document.title = [...info.crumbs.map((c) => c.label).reverse(), 'Lockstep'].join(' · ');
  for (const listener of listeners) listener();
}

/** Says what page this is: breadcrumb, title of the window, and the command that shows the same. */
export function usePage(info: PageInfo) {
  const written = JSON.stringify(info);
  useEffect(() => {
    const mine = JSON.parse(written) as PageInfo;
    set(mine);
    return () => {
      if (current === mine) set(nothing);
    };
  }, [written]);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useCurrentPage = (): PageInfo => useSyncExternalStore(subscribe, () => current);
