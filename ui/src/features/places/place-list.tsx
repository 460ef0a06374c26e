import { type ReactNode, useCallback, useMemo, useRef } from 'react';
import { asProblem } from '@/api/problem';
import { useCommands } from '@/commands/commands';
import { FilterInput } from '@/filter/filter-input';
import { matches, parse } from '@/filter/grammar';
import { Button } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { type Column, VirtualTable } from '@/parts/virtual-table';
import { text, useParams } from '@/url/params';
import { keyOf, type Named, type Places } from './patch';
import { nameOf } from './text';

export const placeParams = { q: text() };

interface PlaceListProps<Row extends Named> {
  noun: string;
  /** What is asked for: its data, or why there is none. */
  query: { data?: Places<Row>; error: unknown; isPending: boolean; refetch(): unknown };
  columns: readonly Column<Row>[];
  sentence(rows: readonly Row[]): string;
  href(row: Row): string;
  /** What a filter can ask for. */
  fields: Record<string, (row: Row) => string>;
  placeholder: string;
  empty: ReactNode;
}

/** A short list that the server sends whole: what does not work first, narrowed in place. */
export function PlaceList<Row extends Named>(props: PlaceListProps<Row>) {
  const { noun, query, columns, sentence, href, fields, placeholder, empty } = props;
  const [{ q }, set] = useParams(placeParams);
  const filter = useRef<HTMLInputElement>(null);
  const setFilter = useCallback((next: string) => set({ q: next }, { replace: true }), [set]);
  useCommands([
    { id: 'filter', label: 'Filter', group: 'This page', keys: '/', run: () => filter.current?.focus() },
    { id: 'filter.clear', label: 'Clear the filter', group: 'This page', keys: 'Escape', run: () => setFilter('') },
  ]);
  const all = query.data?.items;
  const rows = useMemo(() => {
    const { terms } = parse(q);
    return (all ?? []).filter(
      (row) =>
        matches(terms, {
          text: Object.values(fields)
            .map((f) => f(row))
            .join(' ')
            .toLowerCase(),
          field: (name) => fields[name]?.(row),
        }) !== false,
    );
  }, [all, q, fields]);
  const values = useCallback(
    (field: string) => [...new Set((all ?? []).map((row) => fields[field]?.(row) ?? ''))].filter(Boolean).sort(),
    [all, fields],
  );

  if (query.error && !all) {
    const forbidden = asProblem(query.error).status === 403;
    return (
      <>
        <h1 className="unseen">{noun}s</h1>
        <ProblemPanel
          className="m-4"
          of={query.error}
          what={forbidden ? `You may not see the ${noun}s.` : `The ${noun}s could not be read.`}
          onRetry={() => void query.refetch()}
        />
      </>
    );
  }
  if (query.isPending || !all) return <SkeletonRows rows={6} label={`Loading ${noun}s`} />;
  if (all.length === 0) return empty;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-col gap-3 px-4 pt-4 pb-3">
        <h1 className="text-xl font-semibold">{sentence(all)}</h1>
        {all.length > 1 && (
          <FilterInput
            inputRef={filter}
            value={q}
            onChange={setFilter}
            fields={Object.keys(fields)}
            values={values}
            placeholder={placeholder}
          />
        )}
      </div>
      <div className="flex min-h-0 flex-1 flex-col border-t border-line">
        {rows.length === 0 ? (
          <Empty title={`No ${noun} fits the filter`}>
            <Button onClick={() => setFilter('')}>Clear the filter</Button>
          </Empty>
        ) : (
          <VirtualTable
            label={`${noun}s`}
            columns={columns}
            rows={rows}
            rowKey={keyOf}
            href={href}
            rowClass={(row) => (query.data?.gone?.has(keyOf(row)) ? 'opacity-45 line-through' : undefined)}
          />
        )}
      </div>
    </div>
  );
}

export function PlaceName({ of }: { of: Named }) {
  return (
    <span className="mono" title={nameOf(of)}>
      {of.namespace && <span className="text-muted">{of.namespace}/</span>}
      <span className="font-medium">{of.name}</span>
    </span>
  );
}
