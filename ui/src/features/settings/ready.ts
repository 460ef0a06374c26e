/**
 * What /readyz says: "ok", then a line for each thing that is not as it should be.
 * Anything else, as a proxy on the way may answer, is thrown.
 */
export function readyLines(text: string): { history?: string } {
  const [first, ...rest] = text.trim().split('\n');
  if (first !== 'ok') throw new Error('not ready');
  const history = rest.find((l) => l.startsWith('history: '))?.slice('history: '.length);
  return history ? { history } : {};
}
