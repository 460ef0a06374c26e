const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

const units: [string, number][] = [
  ['y', 31_536_000],
  ['mo', 2_592_000],
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

/** "3 min ago", "in 41 s"; the first seconds are "just now", so that news does not flicker. */
export function ago(then: number, now: number): string {
  const seconds = Math.round((then - now) / 1000);
  const abs = Math.abs(seconds);
  const [unit, size] = units.find(([, s]) => abs >= s) ?? ['s', 1];
  if (abs < 10) return 'just now';
  const said = `${Math.floor(abs / size)} ${unit}`;
  return seconds < 0 ? `${said} ago` : `in ${said}`;
}

export const fullTime = (then: number): string => full.format(then);

/** 14:02 today, 3 Mar, 14:02 otherwise. */
export function shortTime(then: number, now: number): string {
  const same = new Date(then).toDateString() === new Date(now).toDateString();
  return same ? clock.format(then) : day.format(then);
}

/** A length of time in its two largest parts: "41 s", "3 min 5 s", "2 d 4 h". */
export function lasted(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 5) return 'under 10 ms';
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
