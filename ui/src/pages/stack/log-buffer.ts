import type { LogLine } from './types';

export interface Kept extends LogLine {
  n: number;
}

/** A log of bounded length: the oldest lines go. Line numbers go on, so keys stay what they are. */
export interface LogBuffer {
  lines: Kept[];
  next: number;
  dropped: number;
}

export const empty: LogBuffer = { lines: [], next: 0, dropped: 0 };
export const mostLines = 20_000;

export function append(b: LogBuffer, lines: readonly LogLine[], most = mostLines): LogBuffer {
  if (lines.length === 0) return b;
  const added = lines.map((l, i) => ({ ...l, n: b.next + i }));
  const all = b.lines.concat(added);
  const over = Math.max(0, all.length - most);
  return { lines: over ? all.slice(over) : all, next: b.next + lines.length, dropped: b.dropped + over };
}

/** Lines that contain the text, without regard to case. */
export function search(lines: readonly Kept[], text: string): Kept[] {
  const wanted = text.trim().toLowerCase();
  return wanted ? lines.filter((l) => l.text.toLowerCase().includes(wanted) || l.pod?.includes(wanted)) : [...lines];
}

/** Text without the codes that colour a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the codes
export const plain = (text: string): string => text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '');
