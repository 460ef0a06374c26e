import createClient from 'openapi-fetch';
import type { paths } from '@/gen/api';
import { root } from '@/url/params';
import { problemOf } from './problem';

/**
 * The typed client of /api/v1. Paths, parameters and answers are checked against
 * the contract when this is compiled; what is not 2xx is thrown as a Problem.
 */
export const api = createClient<paths>({
  baseUrl: root || window.location.origin,
  headers: { Accept: 'application/json' },
  // Several values of one parameter are joined by commas in the contract, but for `exploded`.
  querySerializer: { array: { style: 'form', explode: false } },
  // Looked up at each call, so that tests can put another in its place.
  fetch: (request) => globalThis.fetch(request),
});

/** For a parameter whose values may have commas in them, which the contract repeats instead. */
export const exploded = { querySerializer: { array: { style: 'form', explode: true } } } as const;

/** The body of an answer, or its Problem thrown: `await sent(api.GET('/api/v1/me'))`. */
export async function sent<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok || error !== undefined) throw problemOf(response, error);
  return data as T;
}
