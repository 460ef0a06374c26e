import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem';

/**
 * The cache of answers. Live events say what changed, so nothing is asked again on
 * focus or by the clock; what fails in passing is tried three times.
 */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A browser that calls itself offline reaches a server on the same machine all the
      // same, and one that cannot should hear why at once.
      networkMode: 'always',
      staleTime: 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 3 && asProblem(error).passing,
      retryDelay: (attempt) => Math.min(400 * 2 ** attempt, 5_000),
    },
    mutations: { networkMode: 'always', retry: false },
  },
});
