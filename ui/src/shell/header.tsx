import { Moon, Search } from 'lucide-react';
import { Fragment } from 'react';
import { Link } from 'wouter';
import { signOut, useMe } from '@/api/me';
import { buttonClass, Kbd } from '@/parts/button';
import { Menu } from '@/parts/menu';
import { setTheme, type Theme, themes, useTheme } from '@/theme/theme';
import { overlays } from './overlays';
import { useCurrentPage } from './page';

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);
export const modKey = mac ? '⌘' : 'Ctrl ';

/** Where one is, the way to everywhere else, and who one is. */
export function Header() {
  const { crumbs } = useCurrentPage();
  return (
    <header className="flex h-11 shrink-0 items-center gap-3 border-b border-line bg-panel px-4">
      <nav aria-label="Breadcrumb" className="min-w-0 flex-1">
        <ol className="flex min-w-0 items-center gap-1.5">
          {crumbs.map((c, i) => (
            <Fragment key={`${c.label} ${c.href ?? ''}`}>
              {i > 0 && (
                <li aria-hidden className="text-muted">
                  /
                </li>
              )}
              <li className="min-w-0 truncate">
                {c.href && i < crumbs.length - 1 ? (
                  <Link href={c.href} className="text-muted hover:text-text">
                    {c.label}
                  </Link>
                ) : (
                  <span aria-current="page" className="font-medium">
                    {c.label}
                  </span>
                )}
              </li>
            </Fragment>
          ))}
        </ol>
      </nav>
      <button
        type="button"
        onClick={() => overlays.open('palette')}
        className={buttonClass('plain', 'w-64 justify-start! text-muted font-normal! max-md:w-auto')}
      >
        <Search size={14} aria-hidden />
        <span className="flex-1 text-left max-md:unseen">Search or jump</span>
        <span aria-hidden className="max-md:hidden">
          <Kbd>{modKey}K</Kbd>
        </span>
      </button>
      <You />
    </header>
  );
}

function You() {
  const me = useMe();
  const theme = useTheme();
  const name = me.data?.display || me.data?.name || '';
  return (
    <Menu
      look="bare"
      name={name ? `${initials(name)}: ${name}` : 'Look and help'}
      label={
        name ? (
          <span
            aria-hidden
            className="flex size-6 items-center justify-center rounded-full bg-picked text-xs font-semibold text-text uppercase"
          >
            {initials(name)}
          </span>
        ) : (
          <Moon size={16} aria-hidden />
        )
      }
      className="px-1!"
      items={[
        name !== '' && { kind: 'text', label: name },
        {
          kind: 'choice',
          title: 'Theme',
          value: theme,
          onChange: (t) => setTheme(t as Theme),
          options: themes.map((t) => ({ value: t, label: { auto: 'As the system', light: 'Light', dark: 'Dark' }[t] })),
        },
        { kind: 'line' },
        { kind: 'item', label: 'Keyboard', hint: '?', onClick: () => overlays.open('keys') },
        name !== '' && { kind: 'item', label: 'Sign out', onClick: () => void signOut() },
      ]}
    />
  );
}

const initials = (name: string): string =>
  name
    .replace(/@.*/, '')
    .split(/[\s._:-]+/)
    .filter(Boolean)
    .slice(-2)
    .map((w) => w[0])
    .join('');
