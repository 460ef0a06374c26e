import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';
import { api, sent } from '@/api/client';
import type { Counts, StackPage, StackRow } from '@/api/types';
import { parse } from '@/filter/grammar';
import { hub, useLive } from '@/live/use-live';
import { keyOf, patchPages } from './news';
import type { Sort } from './params';

type Pages = InfiniteData<StackPage, string | undefined>;
const nobody: ReadonlySet<string> = new Set();

export interface Stacks {
  rows: StackRow[];
  /** Of the first page, whose counts events keep true; undefined before it came. */
  first: StackPage | undefined;
  fleet: Counts | undefined;
  /** Stacks that would be on screen if the list were read anew. */
  arrived: number;
  /** Stacks on screen that are gone. */
  gone: ReadonlySet<string>;
  error: unknown;
  loading: boolean;
  loadingMore: boolean;
  stale: boolean;
  more(): void;
  renew(): void;
}

/** Stacks page by page, kept live in place; the server filters, sorts and counts. */
export function useStacks(q: string, sort: Sort, limit = 100): Stacks {
  const client = useQueryClient();
  const key = useMemo(() => ['stacks', q, sort, limit] as const, [q, sort, limit]);
  const [news, setNews] = useState({ of: key, arrived: nobody, gone: nobody });
  const mine = news.of === key ? news : { arrived: nobody, gone: nobody };

  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      sent(
        api.GET('/api/v1/stacks', { params: { query: { q: q || undefined, sort, limit, cursor: pageParam } }, signal }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    // While another filter is asked for, the answer to the last one stays.
    placeholderData: (before) => before,
    refetchOnMount: 'always',
  });

  const renew = useCallback(() => {
    setNews({ of: key, arrived: nobody, gone: nobody });
    // From the top: what was scrolled to is of another order now.
    void client.resetQueries({ queryKey: key, exact: true }).then(() => hub.caughtUp());
  }, [client, key]);

  const terms = useMemo(() => parse(q).terms, [q]);
  useLive('fleet', (event) => {
    if (event.type === 'resync') {
      void client.invalidateQueries({ queryKey: key, exact: true }).then(() => hub.caughtUp());
      return;
    }
    if (event.type === 'fleet') {
      client.setQueryData<Pages>(key, (data) => withFleet(data, event.data.counts));
      return;
    }
    if (event.type !== 'rows') return;
    const data = client.getQueryData<Pages>(key);
    if (!data) return;
    const patch = patchPages(data.pages, event.data.rows, terms, sort);
    if (patch.changed) client.setQueryData<Pages>(key, { ...data, pages: patch.pages });
    const gone = event.data.gone.map(keyOf);
    if (patch.arrived.length === 0 && gone.length === 0) return;
    setNews((old) => {
      const before = old.of === key ? old : { arrived: nobody, gone: nobody };
      return { of: key, arrived: union(before.arrived, patch.arrived), gone: union(before.gone, gone) };
    });
  });

  // A filter that the server refuses leaves on screen what was there.
  const last = useRef<StackPage[]>(undefined);
  if (query.data) last.current = query.data.pages;
  const pages = query.data?.pages ?? (query.isError ? last.current : undefined);
  const rows = useMemo(() => pages?.flatMap((p) => p.items) ?? [], [pages]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isPlaceholderData } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isPlaceholderData) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isPlaceholderData, fetchNextPage]);

  return {
    rows,
    first: pages?.[0],
    fleet: pages?.[0]?.fleet,
    arrived: mine.arrived.size,
    gone: mine.gone,
    error: query.error,
    loading: query.isPending,
    loadingMore: isFetchingNextPage,
    stale: isPlaceholderData,
    more,
    renew,
  };
}

function union(a: ReadonlySet<string>, b: readonly string[]): ReadonlySet<string> {
  return b.every((x) => a.has(x)) ? a : new Set([...a, ...b]);
}

function withFleet(data: Pages | undefined, fleet: Counts): Pages | undefined {
  const first = data?.pages[0];
  if (!data || !first) return data;
  return { ...data, pages: [{ ...first, fleet }, ...data.pages.slice(1)] };
}
