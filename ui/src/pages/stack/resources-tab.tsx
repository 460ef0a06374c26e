import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { counted } from '@/format/count';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { HealthMark, healthOf, healthShapes, toneText } from '@/parts/status-mark';
import { type Column, VirtualTable } from '@/parts/virtual-table';
import { oneOf, text, useParams } from '@/url/params';
import { useResources } from './data';
import { type Card, cards, isProblem, offStep, settled, worst } from './group';
import { objectHref } from './ids';
import { Tree } from './tree';
import type { Resource, StackName } from './types';

const schema = {
  group: oneOf(['workload', 'kind', 'tree', 'table'], 'workload'),
  find: text(),
  only: oneOf(['all', 'problems', 'off'], 'all'),
};

export function ResourcesTab({ s }: { s: StackName }) {
  const [{ group, find, only }, set] = useParams(schema);
  const { data, error, refetch } = useResources(s);
  const [shown, show] = useState<ReadonlySet<string>>();
  const ids = useMemo(() => (data?.items ?? []).map((r) => r.id), [data]);
  useEffect(() => {
    if (!shown && data) show(new Set(ids));
  }, [shown, data, ids]);
  const { show: visible, fresh } = useMemo(() => settled(shown, ids), [shown, ids]);

  const items = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    const keep = (r: Resource) =>
      visible.has(r.id) &&
      (!wanted || r.id.toLowerCase().includes(wanted)) &&
      (only === 'all' || (only === 'problems' ? isProblem(r) : offStep(r)));
    const all = data?.items ?? [];
    if (!wanted && only === 'all') return all.filter((r) => visible.has(r.id));
    // A card is shown whole, or its dots would lie.
    const cardsKept = new Set(all.filter(keep).map((r) => r.card ?? r.id));
    return all.filter((r) => visible.has(r.id) && cardsKept.has(r.card ?? r.id));
  }, [data, visible, find, only]);

  if (error && !data)
    return (
      <ProblemPanel className="m-4" of={error} what="The objects could not be read." onRetry={() => void refetch()} />
    );
  if (!data) return <SkeletonRows label="Reading the objects" />;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 py-2">
        <input
          aria-label="Find an object"
          placeholder="Find"
          value={find}
          onChange={(e) => set({ find: e.target.value }, { replace: true })}
          className="h-7 w-44 rounded-md border border-edge bg-bg px-2"
        />
        <Segments
          label="Which objects"
          value={only}
          onChange={(v) => set({ only: v })}
          options={[
            { value: 'all', label: 'All' },
            { value: 'problems', label: 'Problems' },
            { value: 'off', label: 'Off step' },
          ]}
        />
        <span className="text-muted">
          {counted(data.counts.objects, 'object')} in Git, {data.counts.made} made of them
        </span>
        <span className="ml-auto flex items-center gap-2">
          {/* Kept in place, so that nothing moves when it comes. */}
          <span aria-live="polite" className="flex h-7 min-w-20 justify-end">
            {fresh.length > 0 && (
              <Button look="bare" onClick={() => show(new Set(ids))}>
                {fresh.length} new: show
              </Button>
            )}
          </span>
          <Segments
            label="Grouped by"
            value={group}
            onChange={(v) => set({ group: v })}
            options={[
              { value: 'workload', label: 'Workload' },
              { value: 'kind', label: 'Kind' },
              { value: 'tree', label: 'Tree' },
              { value: 'table', label: 'Table' },
            ]}
          />
        </span>
      </div>
      {data.notes.length > 0 && (
        <ul className="mx-4 mb-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">
          {data.notes.map((n) => (
            <li key={n}>{n}</li>
          ))}
        </ul>
      )}
      {items.length === 0 && (
        <Empty title={data.items.length === 0 ? 'No objects yet' : 'Nothing fits'}>
          {data.items.length === 0
            ? 'They appear here as Lockstep applies them.'
            : 'Clear the search to see all objects.'}
        </Empty>
      )}
      {items.length > 0 && group === 'tree' && <Tree s={s} items={items} />}
      {items.length > 0 && group === 'table' && <ResourceTable s={s} items={items} />}
      {items.length > 0 && (group === 'workload' || group === 'kind') && <Cards s={s} items={items} by={group} />}
    </div>
  );
}

function Cards({ s, items, by }: { s: StackName; items: readonly Resource[]; by: 'workload' | 'kind' }) {
  const all = useMemo(() => cards(items, by), [items, by]);
  return (
    <ul
      aria-label={by === 'workload' ? 'Workloads' : 'Kinds'}
      className="grid min-h-0 flex-1 auto-rows-min grid-cols-[repeat(auto-fill,minmax(230px,1fr))] gap-3 overflow-y-auto px-4 pt-1 pb-4"
    >
      {all.map((c) => (
        <CardView key={c.id} s={s} card={c} />
      ))}
    </ul>
  );
}

const mostDots = 60;
const mostParts = 12;

function CardView({ s, card: c }: { s: StackName; card: Card }) {
  const [, navigate] = useLocation();
  const search = window.location.search;
  const all = [...(c.head ? [c.head] : []), ...c.parts, ...c.pods];
  const health = worst(all);
  const ready = c.pods.filter((p) => p.ready).length;
  const [more, showMore] = useState(false);
  const parts = more ? c.parts : c.parts.slice(0, mostParts);
  return (
    <li className="flex min-h-28 flex-col gap-1.5 rounded-lg border border-line bg-panel p-2.5">
      <div className="flex items-center gap-1.5">
        <HealthMark health={health} bare />
        {c.head ? (
          <a
            href={objectHref(s, c.head, search)}
            onClick={(e) => go(e, navigate, objectHref(s, c.head!, search))}
            className="min-w-0 truncate font-medium hover:underline"
          >
            {c.title}
          </a>
        ) : (
          <span className="min-w-0 truncate font-medium">{c.title}</span>
        )}
        <span className="ml-auto shrink-0 text-sm text-muted">
          {c.head && c.pods.length > 0
            ? `${ready}/${c.pods.length}`
            : c.head
              ? c.head.note
              : c.parts.length + c.pods.length}
        </span>
      </div>
      <p className="truncate text-sm text-muted">
        {c.subtitle}
        {c.head && offStep(c.head) && <span className="text-warn"> · {stepWords[c.head.step]}</span>}
      </p>
      {c.pods.length > 0 && (
        <ul aria-label="Pods" className="flex flex-wrap gap-0.5">
          {c.pods.slice(0, mostDots).map((p) => (
            <li key={p.id} className="flex">
              <a
                href={objectHref(s, p, search)}
                onClick={(e) => go(e, navigate, objectHref(s, p, search))}
                title={`${p.name}: ${p.health}${p.message ? `, ${p.message}` : ''}${p.restarts ? `, ${p.restarts} restarts` : ''}`}
                className="grid size-6 place-items-center rounded hover:bg-hover"
              >
                <Dot health={p.health} />
                <span className="unseen">
                  {p.name}: {p.health}
                </span>
              </a>
            </li>
          ))}
          {c.pods.length > mostDots && <li className="text-sm text-muted">and {c.pods.length - mostDots} more</li>}
        </ul>
      )}
      {c.head?.message && isProblem(c.head) && (
        <p className="line-clamp-2 text-sm break-words text-muted" title={c.head.message}>
          {c.head.message}
        </p>
      )}
      {parts.length > 0 && (
        <ul className={cx('flex flex-wrap gap-x-2 gap-y-0.5', c.head && 'mt-auto')}>
          {parts.map((p) => (
            <li key={p.id} className="flex max-w-full">
              <a
                href={objectHref(s, p, search)}
                onClick={(e) => go(e, navigate, objectHref(s, p, search))}
                title={`${p.kind} ${p.name}: ${p.health}${offStep(p) ? `, ${stepWords[p.step]}` : ''}`}
                className="inline-flex min-h-6 max-w-full items-center gap-1 text-sm text-muted hover:text-text hover:underline"
              >
                {(isProblem(p) || p.health === 'Progressing') && <HealthMark health={p.health} bare />}
                <span className={cx('truncate', offStep(p) && 'text-warn')}>{c.head ? p.kind : p.name}</span>
              </a>
            </li>
          ))}
          {c.parts.length > parts.length && (
            <li>
              <button
                type="button"
                className="min-h-6 text-sm text-muted hover:underline"
                onClick={() => showMore(true)}
              >
                and {c.parts.length - parts.length} more
              </button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

/** In the page a click is a change of address; with a modifier it is the browser's. */
function go(e: React.MouseEvent, navigate: (to: string) => void, to: string) {
  if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
  e.preventDefault();
  navigate(to);
}

export const stepWords: Record<string, string> = {
  inStep: 'in step',
  changed: 'changed in Git',
  drifted: 'drifted',
  missing: 'missing',
  extra: 'gone from Git',
  alone: 'left alone',
  made: 'made by the cluster',
};

/** A pod as a square: filled when it serves, ringed when not yet, crossed when it is in trouble. */
function Dot({ health }: { health: string }) {
  const tone = healthShapes[healthOf(health)].tone;
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden className={cx('mark', toneText[tone])}>
      {tone === 'ok' && <rect x="1" y="1" width="10" height="10" rx="2.5" fill="currentColor" opacity="0.75" />}
      {tone === 'bad' && (
        <>
          <rect x="1" y="1" width="10" height="10" rx="2.5" fill="currentColor" />
          <path d="m3.8 3.8 4.4 4.4m0-4.4-4.4 4.4" stroke="var(--bg)" strokeWidth="1.5" />
        </>
      )}
      {tone !== 'ok' && tone !== 'bad' && (
        <rect x="1.8" y="1.8" width="8.4" height="8.4" rx="2" fill="none" stroke="currentColor" strokeWidth="1.6" />
      )}
    </svg>
  );
}

const columns: Column<Resource>[] = [
  { key: 'health', header: 'Health', width: '112px', cell: (r) => <HealthMark health={r.health} /> },
  { key: 'kind', header: 'Kind', width: 'minmax(110px,1fr)', cell: (r) => <span title={r.group}>{r.kind}</span> },
  {
    key: 'name',
    header: 'Name',
    width: 'minmax(180px,2.4fr)',
    cell: (r) => <span className={cx('mono', r.parent && 'pl-4 text-muted')}>{r.name}</span>,
  },
  { key: 'namespace', header: 'Namespace', width: 'minmax(90px,1fr)', min: 700, cell: (r) => r.namespace || '–' },
  {
    key: 'step',
    header: 'Step',
    width: '130px',
    cell: (r) => <span className={offStep(r) ? 'text-warn' : 'text-muted'}>{stepWords[r.step] ?? r.step}</span>,
  },
  { key: 'wave', header: 'Wave', width: '56px', min: 900, cell: (r) => (r.managed ? (r.wave ?? 0) : ''), end: true },
  {
    key: 'note',
    header: 'Note',
    width: 'minmax(120px,2fr)',
    min: 800,
    cell: (r) => <span className="text-muted">{r.message || r.note}</span>,
  },
];

function ResourceTable({ s, items }: { s: StackName; items: readonly Resource[] }) {
  return (
    <VirtualTable
      label="Objects"
      columns={columns}
      rows={items}
      rowKey={(r) => r.id}
      href={(r) => objectHref(s, r, window.location.search)}
    />
  );
}
