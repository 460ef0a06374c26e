const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "3 min ago"; seconds are told only as "just now", so that a page at rest stays at rest. */
export function ago(then: number, now: number): string {
  const seconds = Math.round((then - now) / 1000);
  const abs = Math.abs(seconds);
  if (abs < 10) return 'just now';
  if (abs < 60) return seconds < 0 ? `${abs} s ago` : `in ${abs} s`;
  for (const [unit, size] of units) {
    if (abs >= size) return spaced(relative.format(Math.trunc(seconds / size), unit));
  }
  return 'just now';
}

const spaced = (text: string) => text.replace(/(\d)([a-z])/i, '$1 $2').replace(/\bmin\b\.?/, 'min');

export const fullTime = (then: number): string => full.format(then);

/** 14:02 today, 3 Mar, 14:02 otherwise. */
export function shortTime(then: number, now: number): string {
  const same = new Date(then).toDateString() === new Date(now).toDateString();
  return same ? clock.format(then) : day.format(then);
}

/** A length of time in its two largest parts: "41 s", "3 min 5 s", "2 d 4 h". */
export function lasted(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 950) return `${Math.round(ms / 10) * 10} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), 'd'],
    [Math.floor((s % 86_400) / 3_600), 'h'],
    [Math.floor((s % 3_600) / 60), 'min'],
    [s % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}
