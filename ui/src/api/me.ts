import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { toastProblem } from '@/parts/toast';
import { root } from '@/url/params';
import { api, sent } from './client';
import { asProblem } from './problem';

/** Who is signed in. */
export const useMe = () =>
  useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/me', { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/**
 * Leaves for the sign-in page, which is the server's own: it works before this page
 * does, and in a binary without one. One comes back to the same view.
 */
export function signIn() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`${root}/login?return=${encodeURIComponent(here)}`);
}

/** Sends whoever is not signed in to sign in, before anything is shown. */
export function useSignedIn(): boolean {
  const me = useMe();
  const out = me.error !== null && asProblem(me.error).signedOut && me.data === undefined;
  useEffect(() => {
    if (out) signIn();
  }, [out]);
  return !out;
}

/** Ends this session, and leaves for where the server or the identity provider wants to hear of it. */
export async function signOut() {
  try {
    const { next } = await sent(api.POST('/api/v1/auth/logout', {}));
    window.location.assign(next || `${root}/login`);
  } catch (e) {
    toastProblem(e);
  }
}
