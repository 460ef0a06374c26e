const part = encodeURIComponent;

/** Addresses of things, in one place. */
export const stackHref = (s: { namespace: string; name: string }, tab = ''): string =>
  `/stacks/${part(s.namespace)}/${part(s.name)}${tab ? `/${tab}` : ''}`;

export const releaseHref = (s: { namespace: string; name: string }, n: number | string): string =>
  stackHref(s, `releases/${part(String(n))}`);

export const compareHref = (s: { namespace: string; name: string }, from: number, to: number): string =>
  `${stackHref(s, 'compare')}?from=${from}&to=${to}`;
