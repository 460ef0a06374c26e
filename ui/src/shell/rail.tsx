import { Gauge, GitBranch, type LucideIcon, ScrollText, Server, Settings } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { Kbd } from '@/parts/button';
import { cx } from '@/parts/cx';
import { places, routes } from '@/routes';

const icons: Record<(typeof places)[number]['icon'], LucideIcon> = {
  fleet: Gauge,
  audit: ScrollText,
  targets: Server,
  sources: GitBranch,
  settings: Settings,
};

const ahead = (path: string) => void routes.find((r) => r.path === path || r.path.startsWith(`${path}/:`))?.load();

/** The places one can go, at the left; icons only where the window is narrow. */
export function Rail() {
  const [at] = useLocation();
  return (
    <nav
      aria-label="Main"
      className="flex w-12 shrink-0 flex-col gap-0.5 border-r border-line bg-panel p-1.5 lg:w-44 lg:p-2"
    >
      <Link href="/fleet" className="mb-2 flex h-8 items-center gap-2 px-1.5 font-semibold">
        <Logo />
        <span className="max-lg:unseen">Lockstep</span>
      </Link>
      {places.map((p) => {
        const Icon = icons[p.icon];
        const here = at === p.path || at.startsWith(`${p.path}/`);
        return (
          <Link
            key={p.path}
            href={p.path}
            aria-current={here ? 'page' : undefined}
            title={p.label}
            onPointerEnter={() => ahead(p.path)}
            className={cx(
              'group flex h-8 items-center gap-2 rounded-md px-2 max-lg:justify-center',
              here ? 'bg-picked font-medium text-text' : 'text-muted hover:bg-hover hover:text-text',
            )}
          >
            <Icon size={16} aria-hidden className={here ? 'text-accent' : undefined} />
            <span className="flex-1 max-lg:unseen">{p.label}</span>
            <Kbd className="opacity-0 group-hover:opacity-100 max-lg:hidden">{p.keys}</Kbd>
          </Link>
        );
      })}
    </nav>
  );
}

export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden className="shrink-0">
      <rect width="24" height="24" rx="6" fill="var(--accent)" />
      <path
        d="M6 8.5h5.5v7H18M6 15.5h2.5M15 8.5h3"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
