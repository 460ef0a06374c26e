import { lazy, Suspense, useCallback, useEffect, useRef } from 'react';
import { asProblem } from '@/api/problem';
import type { Facets } from '@/api/types';
import { useCommands } from '@/commands/commands';
import { FacetBar } from '@/features/fleet/facets';
import { changeColumns, listColumns, StackList } from '@/features/fleet/list';
import { NeedsYou } from '@/features/fleet/needs-you';
import { NewsChip } from '@/features/fleet/news-chip';
import { fleetCli, fleetParams, type Grouping, groupings, type Sort, views } from '@/features/fleet/params';
import { Sentence } from '@/features/fleet/sentence';
import { useStacks } from '@/features/fleet/use-stacks';
import { FilterInput } from '@/filter/filter-input';
import { count } from '@/format/count';
import { Menu } from '@/parts/menu';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { usePage } from '@/shell/page';
import { useParams } from '@/url/params';

// Fetched when they are looked at: the list is what most people open.
const loadMap = () => import('@/features/fleet/map');
const FleetMap = lazy(loadMap);
const NothingYet = lazy(() => import('@/features/fleet/nothing-yet'));

const fields = [
  'is',
  'health',
  'step',
  'env',
  'owner',
  'target',
  'source',
  'namespace',
  'driver',
  'name',
  'path',
  'author',
  'changed',
  'drifted',
  'label',
  'revision',
];

const fixed: Record<string, readonly string[]> = {
  health: ['Healthy', 'Progressing', 'Degraded', 'Missing', 'Suspended', 'Unknown'],
  step: ['InStep', 'Behind', 'Drifted', 'Blocked', 'Failing', 'Paused'],
  is: ['NeedsYou', 'Moving', 'Paused', 'InStep'],
  changed: ['<1h', '<1d', '>30d'],
  drifted: ['>0'],
};

/** The fleet: what needs a person first, then all of it, the way one wants to see it. */
export default function Fleet() {
  const [params, set] = useParams(fleetParams);
  const { view, q, sort, group } = params;
  const filter = useRef<HTMLInputElement>(null);
  usePage({ crumbs: [{ label: 'Fleet' }], cli: fleetCli(q) });

  // Each view has its order; that of changes is no choice.
  const stacks = useStacks(
    q,
    view === 'changes' ? 'changed' : view === 'map' ? 'worst' : sort,
    view === 'map' ? 20 : 100,
  );
  const setFilter = useCallback((next: string) => set({ q: next }, { replace: true }), [set]);
  const facets = stacks.first?.facets;
  const values = useValues(facets);
  const turn = () => set({ view: views[(views.indexOf(view) + 1) % views.length]! });

  useCommands([
    { id: 'fleet.filter', label: 'Filter', group: 'This page', keys: '/', run: () => filter.current?.focus() },
    { id: 'fleet.view', label: 'Next view: list, map, changes', group: 'This page', keys: 'v', run: turn },
    { id: 'fleet.clear', label: 'Clear the filter', group: 'This page', keys: 'Escape', run: () => setFilter('') },
    {
      id: 'fleet.needs',
      label: 'Show what needs you',
      group: 'This page',
      keys: 'n',
      run: () => set({ view: 'list', q: 'is:NeedsYou' }),
    },
  ]);

  if (stacks.fleet?.total === 0)
    return (
      <Suspense fallback={<SkeletonRows />}>
        <NothingYet />
      </Suspense>
    );
  const problem = stacks.error ? asProblem(stacks.error) : undefined;
  return (
    <div className="flex min-h-0 flex-1 flex-col max-md:min-h-200 [@media(max-height:600px)]:min-h-150">
      <div className="flex flex-col gap-3 px-4 pt-4 pb-3">
        <div className="flex flex-wrap items-baseline gap-x-6 gap-y-1">
          {stacks.error && !stacks.fleet ? (
            <h1 className="text-xl font-semibold">Fleet</h1>
          ) : (
            <Sentence counts={stacks.fleet} params={params} />
          )}
          {stacks.fleet && (
            <p className="text-muted">
              {q === '' || !stacks.first
                ? `${count(stacks.fleet.total)} Stacks`
                : `${count(stacks.first.matches)} of ${count(stacks.fleet.total)} Stacks fit`}
            </p>
          )}
        </div>
        {q === '' && view === 'map' && stacks.fleet && <NeedsYou rows={stacks.rows} total={stacks.fleet.needsYou} />}
        <div className="flex flex-wrap items-start gap-2">
          <FilterInput
            inputRef={filter}
            value={q}
            onChange={setFilter}
            fields={fields}
            values={values}
            problem={problem?.status === 400 || problem?.status === 422 ? problem : undefined}
            placeholder="Filter: env:prod step:drifted -health:healthy, or any text"
          />
          {view === 'map' && <GroupMenu value={group} onChange={(g) => set({ group: g })} />}
          <Segments
            label="View"
            value={view}
            onChange={(v) => set({ view: v })}
            options={[
              { value: 'list', label: 'List' },
              { value: 'map', label: 'Map' },
              { value: 'changes', label: 'Changes' },
            ]}
          />
        </div>
        <FacetBar facets={facets} q={q} onChange={setFilter} />
      </div>
      {view === 'map' ? (
        <Suspense fallback={<SkeletonRows label="Drawing the map" />}>
          <FleetMap params={params} onClear={() => setFilter('')} />
        </Suspense>
      ) : (
        <div className="relative flex min-h-0 flex-1 flex-col border-t border-line">
          <NewsChip className="-top-10" n={stacks.arrived} onShow={stacks.renew} />
          <StackList
            key={view}
            stacks={stacks}
            columns={view === 'list' ? listColumns : changeColumns}
            label={view === 'list' ? 'Stacks' : 'Stacks by what changed last'}
            sort={sort}
            onSort={view === 'list' ? (s) => set({ sort: s as Sort }) : undefined}
            onClear={() => setFilter('')}
          />
        </div>
      )}
    </div>
  );
}

/** Values to complete with: all that were seen, as a filter hides those that it excludes. */
function useValues(facets: Facets | undefined): (field: string) => readonly string[] {
  const seen = useRef(new Map<string, Set<string>>());
  useEffect(() => {
    for (const [field, list] of Object.entries(facets ?? {})) {
      const set = seen.current.get(field) ?? new Set();
      for (const { value } of list) set.add(value);
      seen.current.set(field, set);
    }
  }, [facets]);
  return useCallback((field: string) => fixed[field] ?? [...(seen.current.get(field) ?? [])], []);
}

function GroupMenu({ value, onChange }: { value: Grouping; onChange(value: Grouping): void }) {
  return (
    <Menu
      name={`Group by ${value}`}
      className="h-8!"
      label={
        <>
          <span className="font-normal text-muted">Group by</span> {value}
        </>
      }
      items={[
        {
          kind: 'choice',
          title: 'Group by',
          value,
          onChange: (v) => onChange(v as Grouping),
          options: groupings.map((g) => ({ value: g, label: g })),
        },
      ]}
    />
  );
}
