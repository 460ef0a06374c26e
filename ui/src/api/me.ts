import { useQuery } from '@tanstack/react-query';
import { api, sent } from './client';

/** Who is signed in. */
export const useMe = () =>
  useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/me', { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });
