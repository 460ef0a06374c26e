import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { api, sent } from '@/api/client';
import type { AuditEntry, AuditPage } from '@/api/types';
import { asked } from './query';

type Pages = InfiniteData<AuditPage, string | undefined>;
const size = 100;
const nothing: AuditEntry[] = [];

export interface Audit {
  entries: AuditEntry[];
  first: AuditPage | undefined;
  /** What came since, and waits to be let in. */
  waiting: AuditEntry[];
  letIn(): void;
  error: unknown;
  loading: boolean;
  stale: boolean;
  hasMore: boolean;
  more(): void;
  renew(): void;
  /** Why what comes could not be asked for; what is on screen stays. */
  tailError: unknown;
}

function read(q: string, page: { cursor?: string; order?: 'oldest' }, signal?: AbortSignal): Promise<AuditPage> {
  return sent(
    api.GET('/api/v1/audit', {
      params: { query: { ...asked(q, Date.now()).query, limit: size, ...page } },
      signal,
    }),
  );
}

/**
 * The record, newest first and page by page. While it is followed, what happens is
 * asked for from where the chain ended; it waits in `waiting` until it is let in, so
 * that nothing moves under somebody who reads.
 */
export function useAudit(q: string, follow: boolean): Audit {
  const client = useQueryClient();
  const key = useMemo(() => ['audit', q] as const, [q]);
  const valid = asked(q, 0).mistake === undefined;
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(q, { cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next || undefined,
    placeholderData: (before) => before,
    enabled: valid,
    // Only a person asks for it anew: a page that is read again would have moved.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: 'always',
  });
  const head = query.isPlaceholderData ? undefined : query.data?.pages[0]?.head;
  const tail = useTail(q, head, follow && valid);

  const { take } = tail;
  const newest = query.data?.pages[0]?.items[0]?.seq ?? 0;
  // What was recorded while the first page was read is in both.
  const waiting = useMemo(() => tail.waiting.filter((e) => e.seq > newest), [tail.waiting, newest]);
  const letIn = useCallback(() => {
    const news = take();
    if (news.length === 0) return;
    client.setQueryData<Pages>(key, (data) => {
      const first = data?.pages[0];
      if (!data || !first) return data;
      return { ...data, pages: [{ ...first, items: merged(news, first.items) }, ...data.pages.slice(1)] };
    });
  }, [client, key, take]);

  const pages = query.data?.pages;
  const entries = useMemo(() => pages?.flatMap((p) => p.items) ?? nothing, [pages]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isPlaceholderData } = query;
  return {
    entries,
    first: pages?.[0],
    waiting,
    letIn,
    error: query.error,
    loading: query.isPending && valid,
    stale: isPlaceholderData || !valid,
    hasMore: hasNextPage,
    more: useCallback(() => {
      if (hasNextPage && !isFetchingNextPage && !isPlaceholderData) void fetchNextPage();
    }, [hasNextPage, isFetchingNextPage, isPlaceholderData, fetchNextPage]),
    renew: useCallback(() => void client.resetQueries({ queryKey: key, exact: true }), [client, key]),
    tailError: tail.error,
  };
}

/** Newest first, each once. */
export function merged(news: readonly AuditEntry[], before: readonly AuditEntry[]): AuditEntry[] {
  const have = new Set(before.map((e) => e.seq));
  const fresh = news.filter((e) => !have.has(e.seq)).sort((a, b) => b.seq - a.seq);
  return fresh.length === 0 ? [...before] : [...fresh, ...before];
}

const every = 2000;

function useTail(q: string, head: string | undefined, follow: boolean) {
  const [waiting, setWaiting] = useState<AuditEntry[]>(nothing);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setWaiting(nothing);
    setError(undefined);
    if (!follow || head === undefined) return;
    const stop = new AbortController();
    let at = head;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      // Nobody sees a tab in the background.
      if (!document.hidden) {
        try {
          const page = await read(q, { cursor: at, order: 'oldest' }, stop.signal);
          // The end of what was read, or of the chain where it was read to its end.
          at = page.next || page.head;
          setError(undefined);
          if (page.items.length > 0) setWaiting((old) => merged(page.items, old));
        } catch (e) {
          if (stop.signal.aborted) return;
          setError(e);
        }
      }
      timer = setTimeout(() => void look(), every);
    };
    timer = setTimeout(() => void look(), every);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [q, head, follow]);
  const take = useCallback(() => {
    setWaiting(nothing);
    return waiting;
  }, [waiting]);
  return { waiting, take, error };
}
