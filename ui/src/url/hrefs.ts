const part = encodeURIComponent;

/** Addresses of things, in one place. */
export const stackHref = (s: { namespace: string; name: string }, tab = ''): string =>
  `/stacks/${part(s.namespace)}/${part(s.name)}${tab ? `/${tab}` : ''}`;

export const releaseHref = (s: { namespace: string; name: string }, n: number | string): string =>
  stackHref(s, `releases/${part(String(n))}`);

export const compareHref = (
  s: { namespace: string; name: string },
  from: number | string,
  to: number | string,
): string => `${stackHref(s, 'compare')}?from=${from}&to=${to}`;

/** The cluster that holds the Stacks has no namespace; a path says so by a dash. */
export const targetHref = (t: { namespace: string; name: string }): string =>
  `/targets/${part(t.namespace || '-')}/${part(t.name)}`;

export const sourceHref = (s: { namespace: string; name: string }): string =>
  `/sources/${part(s.namespace)}/${part(s.name)}`;
