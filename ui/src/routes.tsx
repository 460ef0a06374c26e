import { type ComponentType, type LazyExoticComponent, lazy } from 'react';

/** What a page gets: the parts of its path. */
export type PageProps = { params: Record<string, string | undefined> };
type Load = () => Promise<{ default: ComponentType<PageProps> }>;

export interface RouteEntry {
  path: string;
  page: LazyExoticComponent<ComponentType<PageProps>>;
  /** Fetches the page's code ahead, when a link to it is pointed at. */
  load: Load;
  /** Without rail and header, for people who are not signed in. */
  bare?: boolean;
}

const route = (path: string, load: Load, more: Partial<RouteEntry> = {}): RouteEntry => ({
  path,
  load,
  page: lazy(load),
  ...more,
});

/**
 * All pages, one line each; each is a chunk of its own, and the first that fits is
 * shown. Add a page as a file of ui/src/pages and a line here.
 */
export const routes: RouteEntry[] = [
  route('/fleet', () => import('@/pages/fleet')),
  route('/stacks/:namespace/:name/releases/:release', () => import('@/pages/release')),
  route('/stacks/:namespace/:name/compare', () => import('@/pages/compare')),
  route('/stacks/:namespace/:name/*?', () => import('@/pages/stack')),
  route('/audit', () => import('@/pages/audit')),
  route('/targets', () => import('@/pages/targets')),
  route('/targets/:namespace/:name', () => import('@/pages/target')),
  route('/sources', () => import('@/pages/sources')),
  route('/sources/:namespace/:name', () => import('@/pages/source')),
  route('/settings/:section?', () => import('@/pages/settings')),
  route('/welcome', () => import('@/pages/welcome')),
  route('/login', () => import('@/pages/login'), { bare: true }),
  ...(import.meta.env.DEV ? [route('/__kit', () => import('@/pages/kit'))] : []),
];

/** What the rail shows, in order. Only pages that exist. */
export const places: {
  path: string;
  label: string;
  icon: 'fleet' | 'audit' | 'targets' | 'sources' | 'settings';
  keys: string;
}[] = [
  { path: '/fleet', label: 'Fleet', icon: 'fleet', keys: 'g f' },
  { path: '/targets', label: 'Targets', icon: 'targets', keys: 'g t' },
  { path: '/sources', label: 'Sources', icon: 'sources', keys: 'g s' },
  { path: '/audit', label: 'Audit', icon: 'audit', keys: 'g u' },
  { path: '/settings', label: 'Settings', icon: 'settings', keys: 'g ,' },
];
