import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, sent } from '@/api/client';
import type { SourceRow, TargetRow } from '@/api/types';
import { hub, useLive } from '@/live/use-live';
import { toast } from '@/parts/toast';
import { type Named, type Places, patchPlaces } from './patch';

export const useTargets = () => {
  const client = useQueryClient();
  const key = ['targets'];
  useLive('targets', (event) => {
    if (event.type === 'resync') void client.invalidateQueries({ queryKey: key }).then(() => hub.caughtUp());
    if (event.type !== 'target') return;
    const { row } = event.data;
    client.setQueryData<Places<TargetRow>>(key, (old) => old && patchPlaces(old, event.data, row));
  });
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Places<TargetRow>> => sent(api.GET('/api/v1/targets', { signal })),
    refetchOnMount: 'always',
  });
};

export const useSources = () => {
  const client = useQueryClient();
  const key = ['sources'];
  useLive('sources', (event) => {
    if (event.type === 'resync') void client.invalidateQueries({ queryKey: key }).then(() => hub.caughtUp());
    if (event.type !== 'source') return;
    const { row } = event.data;
    client.setQueryData<Places<SourceRow>>(key, (old) => old && patchPlaces(old, event.data, row));
  });
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Places<SourceRow>> => sent(api.GET('/api/v1/sources', { signal })),
    refetchOnMount: 'always',
  });
};

export const useTarget = (at: Named) => {
  const client = useQueryClient();
  const key = ['target', at.namespace, at.name];
  useLive('targets', (event) => {
    if (event.type === 'resync') void client.invalidateQueries({ queryKey: key }).then(() => hub.caughtUp());
    if (event.type !== 'target' || !isOf(event.data, at)) return;
    void client.invalidateQueries({ queryKey: key });
  });
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      // A path has no empty part; the server calls "no namespace" by a dash.
      sent(
        api.GET('/api/v1/targets/{namespace}/{name}', {
          params: { path: { namespace: at.namespace || '-', name: at.name } },
          signal,
        }),
      ),
    refetchOnMount: 'always',
  });
};

export const useSource = (at: Named) => {
  const client = useQueryClient();
  const key = ['source', at.namespace, at.name];
  useLive('sources', (event) => {
    if (event.type === 'resync') void client.invalidateQueries({ queryKey: key }).then(() => hub.caughtUp());
    if (event.type !== 'source' || !isOf(event.data, at)) return;
    void client.invalidateQueries({ queryKey: key });
  });
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => sent(api.GET('/api/v1/sources/{namespace}/{name}', { params: { path: at }, signal })),
    refetchOnMount: 'always',
    // A fetch that was asked for and changes nothing writes nothing that an event would tell of.
    refetchInterval: (query) => (query.state.data?.request ? 1500 : false),
  });
};

const isOf = (event: Named, at: Named): boolean => event.namespace === at.namespace && event.name === at.name;

/** Asks for a look at the remote now. */
export const useFetchNow = (at: Named) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => sent(api.POST('/api/v1/sources/{namespace}/{name}/fetch', { params: { path: at }, body: {} })),
    onSuccess: () => {
      toast('Asked for a look at the remote', { about: `${at.namespace}/${at.name}` });
      void client.invalidateQueries({ queryKey: ['source', at.namespace, at.name] });
    },
  });
};
