import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, sent } from '@/api/client';
import { useLive } from '@/live/use-live';
import type { ObjectKey } from './ids';
import type { Resource, Resources, StackDetail, StackName } from './types';

const path = (s: StackName) => ({ namespace: s.namespace, name: s.name });

export const stackKey = (s: StackName, ...more: unknown[]) => ['stack', s.namespace, s.name, ...more];

/** All that is known of a Stack; the stream brings each newer form of it. */
export function useStack(s: StackName) {
  const client = useQueryClient();
  useLive(`stack:${s.namespace}/${s.name}`, (event) => {
    if (event.type === 'stack' && event.data.detail) client.setQueryData(stackKey(s, 'detail'), event.data.detail);
    // What is live is read anew when the Stack moves; what is on screen stays until it is there.
    void client.invalidateQueries({ queryKey: stackKey(s, 'live') });
    if (event.type !== 'stack') void client.invalidateQueries({ queryKey: stackKey(s) });
  });
  return useQuery<StackDetail>({
    queryKey: stackKey(s, 'detail'),
    queryFn: ({ signal }) => sent(api.GET('/api/v1/stacks/{namespace}/{name}', { params: { path: path(s) }, signal })),
  });
}

/** Pods come and go without the Stack hearing of it, so what is looked at is looked at again. */
const again = 5_000;

/** Every object of a Stack, page by page. */
export const useResources = (s: StackName) =>
  useQuery<Resources>({
    queryKey: stackKey(s, 'live', 'resources'),
    refetchInterval: again,
    queryFn: async ({ signal }) => {
      const get = (cursor?: string) =>
        sent(
          api.GET('/api/v1/stacks/{namespace}/{name}/resources', {
            params: { path: path(s), query: { cursor, limit: 500 } },
            signal,
          }),
        );
      const first = await get();
      const items: Resource[] = [...first.items];
      let next = first.next;
      while (next && items.length < 20_000) {
        const page = await get(next);
        items.push(...page.items);
        next = page.next;
      }
      return { ...first, items, next };
    },
  });

export const useDiff = (s: StackName, on = true) =>
  useQuery({
    queryKey: stackKey(s, 'live', 'diff'),
    refetchInterval: again,
    enabled: on,
    queryFn: ({ signal }) =>
      sent(api.GET('/api/v1/stacks/{namespace}/{name}/diff', { params: { path: path(s) }, signal })),
  });

export const useObject = (s: StackName, o: ObjectKey | undefined) =>
  useQuery({
    queryKey: stackKey(s, 'live', 'object', o),
    refetchInterval: again,
    enabled: o !== undefined,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/resources/{group}/{kind}/{objectNamespace}/{objectName}', {
          params: {
            path: {
              ...path(s),
              group: o?.group || '-',
              kind: o?.kind ?? '',
              objectNamespace: o?.namespace || '-',
              objectName: o?.name ?? '',
            },
          },
          signal,
        }),
      ),
  });

/** Releases that the record has, newest first: a page, and more when they are asked for. */
export function useReleases(s: StackName) {
  const q = useInfiniteQuery({
    queryKey: stackKey(s, 'live', 'releases'),
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/releases', {
          params: { path: path(s), query: { limit: 100, cursor: pageParam || undefined } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next || undefined,
  });
  return {
    releases: q.data?.pages.flatMap((p) => p.items) ?? [],
    more: q.hasNextPage && !q.isFetching,
    fetchMore: () => void q.fetchNextPage(),
  };
}

/** One release from the record, however old. */
export const useRelease = (s: StackName, id: number) =>
  useQuery({
    queryKey: stackKey(s, 'live', 'release', id),
    enabled: Number.isSafeInteger(id) && id > 0,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/releases/{number}', {
          params: { path: { ...path(s), number: id } },
          signal,
        }),
      ),
  });

/** What one may do with the Stack, by verb; undefined while nobody knows. */
export function useVerbs(s: StackName): Record<string, { allowed: boolean; reason?: string }> | undefined {
  const { data } = useQuery({
    queryKey: ['verbs', s.namespace, s.name],
    retry: false,
    queryFn: async ({ signal }) => {
      const response = await fetch(
        `${base()}/api/v1/access/verbs?stack=${encodeURIComponent(`${s.namespace}/${s.name}`)}`,
        {
          signal,
          headers: { Accept: 'application/json' },
        },
      );
      if (!response.ok) return null;
      const body = (await response.json()) as { verbs?: { verb: string; allowed: boolean; reason?: string }[] };
      return Object.fromEntries((body.verbs ?? []).map((v) => [v.verb, v]));
    },
  });
  return data ?? undefined;
}

const base = () => new URL(document.baseURI).pathname.replace(/\/[^/]*$/, '');

/** Calls f every so often while mounted. */
export function useEvery(ms: number, f: () => void) {
  useEffect(() => {
    const timer = setInterval(f, ms);
    return () => clearInterval(timer);
  });
}
