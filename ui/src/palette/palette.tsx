import { Dialog as Base } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { CornerDownLeft, Search } from 'lucide-react';
import { type ReactNode, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { api, sent } from '@/api/client';
import type { StackRow } from '@/api/types';
import { type Command, useAllCommands } from '@/commands/commands';
import { best } from '@/commands/fuzzy';
import { keysOf } from '@/commands/keys';
import { Kbd } from '@/parts/button';
import { cx } from '@/parts/cx';
import { HealthMark, StepMark } from '@/parts/status-mark';
import { overlays } from '@/shell/overlays';
import { stackHref } from '@/url/hrefs';
import { recent } from './recent';

interface Entry {
  id: string;
  group: string;
  label: string;
  aside?: ReactNode;
  run(): void;
}

/** ⌘K: everything that can be gone to or done from here, by a few letters of its name. */
export default function Palette() {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const entries = useEntries(query.trim());
  const listId = useId();
  const list = useRef<HTMLDivElement>(null);
  const active = Math.min(at, entries.length - 1);

  useEffect(() => {
    list.current?.querySelector(`[data-at="${active}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    overlays.close();
    // After the focus went back to the page.
    setTimeout(entry.run);
  };
  return (
    <Base.Root open onOpenChange={(open) => !open && overlays.close()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/35" />
        <Base.Popup className="fixed top-[12vh] left-1/2 z-50 flex max-h-[70vh] w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 flex-col overflow-hidden rounded-xl border border-line bg-raised shadow-float outline-none">
          <Base.Title className="unseen">Search or jump</Base.Title>
          <div className="flex items-center gap-2.5 border-b border-line px-4">
            <Search size={16} aria-hidden className="text-muted" />
            <input
              value={query}
              onChange={(e) => {
                setQuery(e.target.value);
                setAt(0);
              }}
              onKeyDown={(e) => {
                const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
                if (step !== undefined) {
                  e.preventDefault();
                  setAt((active + step + entries.length) % Math.max(entries.length, 1));
                }
                if (e.key === 'Enter') {
                  e.preventDefault();
                  run(entries[active]);
                }
              }}
              role="combobox"
              aria-expanded
              aria-controls={listId}
              aria-activedescendant={entries[active] ? `${listId}-${active}` : undefined}
              aria-label="Search or jump"
              placeholder="A Stack, a page, an action…"
              className="h-11 flex-1 bg-transparent text-lg outline-none"
              autoComplete="off"
              spellCheck={false}
            />
            <Kbd>Esc</Kbd>
          </div>
          <div ref={list} id={listId} role="listbox" aria-label="Results" className="min-h-0 overflow-y-auto p-1.5">
            {entries.map((entry, i) => (
              <div key={entry.id} role="presentation">
                {entry.group !== entries[i - 1]?.group && (
                  <div role="presentation" className="px-2.5 pt-2 pb-1 text-xs text-muted">
                    {entry.group}
                  </div>
                )}
                {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and the keys */}
                <div
                  id={`${listId}-${i}`}
                  data-at={i}
                  role="option"
                  tabIndex={-1}
                  aria-selected={i === active}
                  onClick={() => run(entry)}
                  onPointerMove={() => setAt(i)}
                  className={cx(
                    'flex h-8 cursor-pointer items-center gap-2 rounded-md px-2.5',
                    i === active && 'bg-picked',
                  )}
                >
                  <span className="min-w-0 flex-1 truncate">{entry.label}</span>
                  {entry.aside}
                  {i === active && <CornerDownLeft size={13} aria-hidden className="text-muted" />}
                </div>
              </div>
            ))}
            {entries.length === 0 && <p className="px-2.5 py-6 text-center text-muted">Nothing by that name.</p>}
          </div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function useEntries(query: string): Entry[] {
  const all = useAllCommands();
  const [, navigate] = useLocation();
  const wanted = useDeferredValue(query);
  const stacks = useQuery({
    queryKey: ['palette', wanted],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/stacks', { params: { query: { q: wanted, limit: 8 } }, signal })),
    enabled: wanted.length > 0,
    placeholderData: (before) => before,
    retry: false,
  });
  return useMemo(() => {
    const commands = all.filter((c) => !c.unlisted).map(entryOf);
    if (query === '') {
      const visited: Entry[] = recent().map((r) => ({
        id: `recent ${r.href}`,
        group: 'Recent',
        label: r.label,
        run: () => navigate(r.href),
      }));
      return [...visited, ...commands];
    }
    // The server also finds words in commits: what is called so comes before.
    const called = (row: StackRow) => `${row.namespace}/${row.name}`.includes(query.toLowerCase());
    const rows = stacks.data?.items ?? [];
    const found: Entry[] = [...rows.filter(called), ...rows.filter((r) => !called(r))].map((row) => ({
      id: `stack ${row.namespace}/${row.name}`,
      group: 'Stacks',
      label: `${row.namespace}/${row.name}`,
      aside: (
        <span className="flex gap-3 text-sm text-muted">
          <HealthMark health={row.health} bare />
          <StepMark step={row.step} />
        </span>
      ),
      run: () => navigate(stackHref(row)),
    }));
    const filter: Entry = {
      id: 'filter',
      group: 'Filter',
      label: `Show Stacks that match “${query}”`,
      run: () => navigate(`/fleet?view=list&q=${encodeURIComponent(query)}`),
    };
    // Commands of a group stay together, the best group first.
    const fitting = best(query, commands, (c) => `${c.label} ${c.group}`, 12);
    const groups = [...new Set(fitting.map((c) => c.group))];
    return [...found, ...groups.flatMap((g) => fitting.filter((c) => c.group === g)), filter];
  }, [all, query, stacks.data, navigate]);
}

function entryOf(c: Command): Entry {
  return {
    id: c.id,
    group: c.group,
    label: c.label,
    aside: (
      <span className="flex gap-1">
        {keysOf(c)
          .slice(0, 1)
          .map((k) => (
            <Kbd key={k}>{k}</Kbd>
          ))}
      </span>
    ),
    run: c.run,
  };
}
