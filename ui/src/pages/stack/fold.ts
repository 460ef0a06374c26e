import { diffLines } from 'diff';

export interface Row {
  kind: 'same' | 'added' | 'removed' | 'fold';
  text: string;
  /** Line numbers on either side, 1-based. */
  left?: number;
  right?: number;
  /** Of a fold: the rows that it hides. */
  hidden?: Row[];
}

const lines = (text: string) => text.replace(/\n$/, '').split('\n');

/** The lines of two texts, with what is far from any change folded away. */
export function fold(before: string, after: string, context = 3): Row[] {
  const rows: Row[] = [];
  let left = 1;
  let right = 1;
  for (const part of diffLines(before, after)) {
    for (const text of lines(part.value)) {
      if (part.removed) rows.push({ kind: 'removed', text, left: left++ });
      else if (part.added) rows.push({ kind: 'added', text, right: right++ });
      else rows.push({ kind: 'same', text, left: left++, right: right++ });
    }
  }
  const near = new Array<boolean>(rows.length).fill(false);
  rows.forEach((r, i) => {
    if (r.kind === 'same') return;
    for (let j = Math.max(0, i - context); j <= Math.min(rows.length - 1, i + context); j++) near[j] = true;
  });
  const out: Row[] = [];
  for (let i = 0; i < rows.length; ) {
    if (near[i]) {
      out.push(rows[i++]!);
      continue;
    }
    const hidden: Row[] = [];
    while (i < rows.length && !near[i]) hidden.push(rows[i++]!);
    // A fold takes a line itself, and hides nothing worth hiding in one.
    if (hidden.length < 2) out.push(...hidden);
    else out.push({ kind: 'fold', text: `${hidden.length} unchanged lines`, hidden });
  }
  return out;
}

/** Rows as pairs for two columns: what was removed beside what took its place. */
export function pairs(rows: readonly Row[]): { left?: Row; right?: Row; fold?: Row }[] {
  const out: { left?: Row; right?: Row; fold?: Row }[] = [];
  for (let i = 0; i < rows.length; ) {
    const row = rows[i]!;
    if (row.kind === 'fold') out.push({ fold: row });
    if (row.kind === 'same') out.push({ left: row, right: row });
    if (row.kind === 'fold' || row.kind === 'same') {
      i++;
      continue;
    }
    const removed: Row[] = [];
    const added: Row[] = [];
    while (rows[i]?.kind === 'removed') removed.push(rows[i++]!);
    while (rows[i]?.kind === 'added') added.push(rows[i++]!);
    for (let j = 0; j < Math.max(removed.length, added.length); j++) out.push({ left: removed[j], right: added[j] });
  }
  return out;
}

/** How many lines were added and removed. */
export const counts = (rows: readonly Row[]) => ({
  added: rows.filter((r) => r.kind === 'added').length,
  removed: rows.filter((r) => r.kind === 'removed').length,
});
