import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import { useLocation } from 'wouter';
import { useSignedIn } from '@/api/me';
import { useCommands } from '@/commands/commands';
import { listen } from '@/commands/keys';
import { hub } from '@/live/use-live';
import { copy } from '@/parts/copy';
import { places } from '@/routes';
import { setTheme, themes } from '@/theme/theme';
import { Bars } from './bars';
import { Footer } from './footer';
import { Header } from './header';
import { overlays, useOverlay } from './overlays';
import { useCurrentPage } from './page';
import { Rail } from './rail';

const Palette = lazy(() => import('@/palette/palette'));
const KeySheet = lazy(() => import('@/commands/sheet'));

/** What is around every page of a signed-in person. */
export function Shell({ children }: { children: ReactNode }) {
  useEffect(() => hub.start(), []);
  useEffect(() => listen(), []);
  useGlobalCommands();
  const signedIn = useSignedIn();
  const overlay = useOverlay();
  return (
    <div className="flex h-full">
      <button
        type="button"
        onClick={() => document.getElementById('main')?.focus()}
        className="fixed -top-12 left-2 z-50 rounded-md bg-accent px-3 py-1.5 text-on-accent focus:top-2"
      >
        Skip to the page
      </button>
      <Rail />
      <div className="flex min-w-0 flex-1 flex-col">
        <Header />
        <Bars />
        <main id="main" tabIndex={-1} className="flex min-h-0 flex-1 flex-col overflow-auto outline-none">
          {signedIn && children}
        </main>
        <Footer />
      </div>
      <Suspense fallback={null}>
        {overlay === 'palette' && <Palette />}
        {overlay === 'keys' && <KeySheet />}
      </Suspense>
    </div>
  );
}

function useGlobalCommands() {
  const [, navigate] = useLocation();
  const page = useCurrentPage();
  useCommands([
    ...places.map((p) => ({
      id: `go ${p.path}`,
      label: p.label,
      group: 'Go' as const,
      keys: p.keys,
      run: () => navigate(p.path),
    })),
    {
      id: 'palette',
      label: 'Search or jump',
      group: 'Help',
      keys: 'mod+k',
      always: true,
      unlisted: true,
      run: () => overlays.toggle('palette'),
    },
    { id: 'sheet', label: 'Keyboard', group: 'Help', keys: '?', run: () => overlays.toggle('keys') },
    {
      id: 'copy link',
      label: 'Copy the link to this view',
      group: 'This page',
      keys: 'y',
      run: () => void copy(window.location.href, 'Copied the link'),
    },
    ...(page.cli
      ? [
          {
            id: 'copy cli',
            label: 'Copy the command that shows this',
            group: 'This page' as const,
            keys: 'Y',
            run: () => void copy(page.cli ?? '', 'Copied the command'),
          },
        ]
      : []),
    ...themes.map((t) => ({
      id: `theme ${t}`,
      label: { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' }[t],
      group: 'Look' as const,
      run: () => setTheme(t),
    })),
  ]);
}
