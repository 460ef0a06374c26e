import { GitBranch } from 'lucide-react';
import { type ComponentType, type LazyExoticComponent, lazy, Suspense } from 'react';
import { Link, Redirect } from 'wouter';
import { cx } from '@/parts/cx';
import { SkeletonRows } from '@/parts/skeleton';
import type { PageProps } from '@/routes';
import NotFound from './not-found';

interface Part {
  path: string;
  label: string;
  page: LazyExoticComponent<ComponentType>;
}

const parts: Part[] = [
  { path: 'access', label: 'Access', page: lazy(() => import('@/features/settings/access')) },
  { path: 'sso', label: 'Sign-in', page: lazy(() => import('@/features/settings/sso')) },
  { path: 'tokens', label: 'Tokens', page: lazy(() => import('@/features/settings/tokens')) },
  { path: 'sessions', label: 'Sessions', page: lazy(() => import('@/features/settings/sessions')) },
  { path: 'about', label: 'About', page: lazy(() => import('@/features/settings/about')) },
];

/** Settings: who may do what, how people and machines sign in, and what server this is. */
export default function Settings({ params }: PageProps) {
  const { section } = params;
  if (section === undefined) return <Redirect to="/settings/access" replace />;
  if (section === 'sources') return <Redirect to="/sources" replace />;
  const part = parts.find((p) => p.path === section);
  if (!part) return <NotFound />;
  const Page = part.page;
  return (
    <div className="flex w-full max-w-7xl flex-col gap-x-8 gap-y-4 px-4 py-4 md:flex-row">
      <nav aria-label="Settings" className="flex shrink-0 gap-1 max-md:flex-wrap md:w-36 md:flex-col">
        {parts.map((p) => (
          <Link
            key={p.path}
            href={`/settings/${p.path}`}
            aria-current={p.path === section ? 'page' : undefined}
            className={cx(
              'flex h-8 items-center rounded-md px-2.5',
              p.path === section ? 'bg-picked font-medium' : 'text-muted hover:bg-hover hover:text-text',
            )}
          >
            {p.label}
          </Link>
        ))}
        <Link
          href="/sources"
          className="flex h-8 items-center gap-1.5 rounded-md px-2.5 text-muted hover:bg-hover hover:text-text"
        >
          <GitBranch size={14} aria-hidden /> Sources
        </Link>
      </nav>
      <div className="min-w-0 flex-1">
        <h1 className="unseen">Settings: {part.label}</h1>
        <Suspense fallback={<SkeletonRows rows={6} />}>
          <Page />
        </Suspense>
      </div>
    </div>
  );
}
