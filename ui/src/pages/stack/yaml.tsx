import { useMemo, useRef, useState } from 'react';
import { cx } from '@/parts/cx';
import { between, useRows } from '@/parts/rows';
import { counts, fold, pairs, type Row } from './fold';

/** Text of any length in a fixed-width face, with line numbers; only what can be seen is in the page. */
export function Yaml({ text, label }: { text: string; label: string }) {
  const rows = useMemo<Row[]>(
    () =>
      text
        .replace(/\n$/, '')
        .split('\n')
        .map((t, i) => ({ kind: 'same', text: t, left: i + 1, right: i + 1 })),
    [text],
  );
  return <Lines rows={rows} label={label} single />;
}

interface DiffProps {
  before: string;
  after: string;
  label: string;
  split: boolean;
}

/** Two texts with what differs, unchanged parts folded away. */
export function YamlDiff({ before, after, label, split }: DiffProps) {
  const folded = useMemo(() => fold(before, after), [before, after]);
  const [opened, open] = useState<ReadonlySet<Row>>(new Set());
  const rows = useMemo(
    () => folded.flatMap((r) => (r.kind === 'fold' && opened.has(r) ? (r.hidden ?? []) : [r])),
    [folded, opened],
  );
  const { added, removed } = counts(rows);
  if (added + removed === 0) return <p className="p-3 text-muted">The texts are the same.</p>;
  const onOpen = (r: Row) => open(new Set([...opened, r]));
  if (split) return <Split rows={rows} label={label} onOpen={onOpen} />;
  return <Lines rows={rows} label={label} onOpen={onOpen} />;
}

const height = 18;
const tint: Record<Row['kind'], string> = { same: '', fold: '', added: 'bg-ok-soft', removed: 'bg-bad-soft' };
const sign: Record<Row['kind'], string> = { same: ' ', fold: ' ', added: '+', removed: '−' };

/** The rows that are to be seen, with where each begins. */
function useLines(n: number) {
  const box = useRef<HTMLDivElement>(null);
  const span = useRows(box, n, height, 20);
  return { box, total: n * height, items: between(span).map((index) => ({ index, start: index * height })) };
}

const frame = 'mono max-h-[60vh] min-h-0 overflow-auto rounded-md border border-line bg-panel leading-[18px]';

function Lines({
  rows,
  label,
  onOpen,
  single,
}: {
  rows: Row[];
  label: string;
  onOpen?(r: Row): void;
  single?: boolean;
}) {
  const { box, total, items } = useLines(rows.length);
  const wide = Math.max(...rows.slice(0, 5000).map((r) => r.text.length), 40);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <div ref={box} role="region" aria-label={label} tabIndex={0} className={frame}>
      <div className="relative" style={{ height: total, minWidth: `calc(${wide + 14} * 1ch)` }}>
        {items.map((item) => {
          const r = rows[item.index]!;
          return (
            <div
              key={item.index}
              className={cx('absolute inset-x-0 flex whitespace-pre', tint[r.kind])}
              style={{ height, transform: `translateY(${item.start}px)` }}
            >
              {r.kind === 'fold' ? (
                <Fold row={r} onOpen={onOpen} />
              ) : (
                <>
                  <LineNumber n={r.left} />
                  {!single && <LineNumber n={r.right} />}
                  {!single && <span className="w-4 shrink-0 text-center select-none">{sign[r.kind]}</span>}
                  <span className={single ? 'pl-2' : undefined}>{r.text}</span>
                </>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Split({ rows, label, onOpen }: { rows: Row[]; label: string; onOpen(r: Row): void }) {
  const both = useMemo(() => pairs(rows), [rows]);
  const { box, total, items } = useLines(both.length);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <div ref={box} role="region" aria-label={label} tabIndex={0} className={frame}>
      <div className="relative" style={{ height: total }}>
        {items.map((item) => {
          const p = both[item.index]!;
          return (
            <div
              key={item.index}
              className="absolute inset-x-0 flex whitespace-pre"
              style={{ height, transform: `translateY(${item.start}px)` }}
            >
              {p.fold ? (
                <Fold row={p.fold} onOpen={onOpen} />
              ) : (
                [p.left, p.right].map((r, side) => (
                  <div
                    // biome-ignore lint/suspicious/noArrayIndexKey: there are two sides
                    key={side}
                    className={cx(
                      'flex w-1/2 min-w-0 overflow-hidden',
                      side === 1 && 'border-l border-line',
                      r ? tint[r.kind] : 'bg-sunken',
                    )}
                    title={r?.text}
                  >
                    <LineNumber n={side === 0 ? r?.left : r?.right} />
                    <span className="w-4 shrink-0 text-center select-none">{r ? sign[r.kind] : ''}</span>
                    <span className="overflow-hidden text-ellipsis whitespace-pre">{r?.text}</span>
                  </div>
                ))
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const LineNumber = ({ n }: { n?: number }) => (
  <span aria-hidden className="w-10 shrink-0 pr-2 text-right text-muted select-none">
    {n}
  </span>
);

const Fold = ({ row, onOpen }: { row: Row; onOpen?(r: Row): void }) => (
  <button
    type="button"
    className="w-full bg-sunken pl-12 text-left text-muted hover:text-text"
    onClick={() => onOpen?.(row)}
    aria-label={`Show ${row.text}`}
  >
    ⋯ {row.text}
  </button>
);
