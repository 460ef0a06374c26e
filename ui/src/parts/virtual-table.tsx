import { ArrowDown, ArrowUp } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useCommands } from '@/commands/commands';
import { cx } from './cx';
import { between, scrolledTo, useRows } from './rows';

export interface Column<T> {
  key: string;
  header: ReactNode;
  /** As in grid-template-columns: "90px", "minmax(160px, 2fr)". */
  width: string;
  cell(row: T): ReactNode;
  /** Hidden while the table is narrower than so many pixels. */
  min?: number;
  /** Hidden while it is at least so wide, for what stands in for others. */
  max?: number;
  /** The value of `sort` that this header chooses; the server sorts. */
  sort?: string;
  end?: boolean;
}

interface VirtualTableProps<T> {
  /** What the table is, for assistive technology. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  /** How many there are on the server; those that are not here yet count, too. */
  total?: number;
  rowKey(row: T): string;
  /** Where a row leads: Enter and a click go there. */
  href?(row: T): string;
  /** Called near the end of what is here, to fetch more. */
  onEnd?: () => void;
  sort?: string;
  onSort?(sort: string): void;
  /** Keys of rows that are selected; with it, `x` and a box select. */
  picked?: ReadonlySet<string>;
  onPick?(key: string): void;
  /** More classes of a row, for one that is gone. */
  rowClass?(row: T): string | undefined;
  rowHeight?: number;
  /** After the last row: "Loading more", an end mark. */
  foot?: ReactNode;
  className?: string;
}

/** The line of column heads, which stays, and its border. */
const headHeight = 33;

/**
 * A table of any length: only what can be seen is in the page. Rows are read as a
 * table, moved through with j and k, and one row at a time is in the tab order.
 * The server sorts, filters and pages; this shows what it is given.
 */
export function VirtualTable<T>(props: VirtualTableProps<T>) {
  const {
    label,
    columns,
    rows,
    total,
    rowKey,
    href,
    onEnd,
    sort,
    onSort,
    picked,
    onPick,
    rowHeight = 32,
    foot,
  } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [activeKey, setActiveKey] = useState<string>();
  const [, navigate] = useLocation();
  const found = activeKey === undefined ? -1 : rows.findIndex((r) => rowKey(r) === activeKey);
  const active = found < 0 ? 0 : found;

  const span = useRows(box, rows.length, rowHeight);
  const last = span.to - 1;
  // The row that has the focus stays, or scrolling would lose it.
  const items = between(span);
  if (found >= 0 && found < span.from) items.unshift(found);
  if (found >= span.to) items.push(found);
  useEffect(() => {
    if (onEnd && last >= rows.length - 20) onEnd();
  }, [last, rows.length, onEnd]);

  const focus = (index: number) => {
    const to = Math.max(0, Math.min(index, rows.length - 1));
    const row = rows[to];
    if (!row) return;
    setActiveKey(rowKey(row));
    const el = box.current;
    if (el) el.scrollTop = scrolledTo(to, rowHeight, el.scrollTop, el.clientHeight, headHeight);
    // It may have to be put into the page first.
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(`[data-row="${to}"]`)?.focus({ preventScroll: true }),
    );
  };
  const here = rows[active];
  const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 320) / rowHeight) - 2);
  const focused = () => box.current?.contains(document.activeElement) ?? false;
  useCommands([
    {
      id: 'row.next',
      label: 'Next row',
      group: 'Selection',
      keys: ['j'],
      unlisted: true,
      run: () => focus(focused() ? active + 1 : active),
    },
    {
      id: 'row.previous',
      label: 'Previous row',
      group: 'Selection',
      keys: ['k'],
      unlisted: true,
      run: () => focus(active - 1),
    },
    ...(onPick && here
      ? [
          {
            id: 'row.pick',
            label: 'Select the row',
            group: 'Selection' as const,
            keys: 'x',
            unlisted: true,
            run: () => onPick(rowKey(here)),
          },
        ]
      : []),
    ...(href && here
      ? [
          {
            id: 'row.open',
            label: 'Open the row',
            group: 'Selection' as const,
            keys: ['Enter', 'o'],
            unlisted: true,
            run: () => navigate(href(here)),
          },
        ]
      : []),
  ]);

  const shown = useMemo(
    () => columns.filter((c) => width === 0 || ((c.min ?? 0) <= width && width < (c.max ?? Number.POSITIVE_INFINITY))),
    [columns, width],
  );
  const template = `${onPick ? '28px ' : ''}${shown.map((c) => c.width).join(' ')}`;
  const line = 'grid items-center gap-x-3 px-3';

  return (
    <div ref={box} className={cx('relative min-h-0 flex-1 overflow-auto', props.className)}>
      <div
        role="table"
        aria-label={label}
        aria-rowcount={(total ?? rows.length) + 1}
        aria-colcount={shown.length}
        onKeyDown={(e) => {
          const moves: Record<string, number> = {
            ArrowDown: active + 1,
            ArrowUp: active - 1,
            Home: 0,
            End: rows.length - 1,
            PageDown: active + page,
            PageUp: active - page,
          };
          const to = moves[e.key];
          if (to === undefined || e.metaKey || e.ctrlKey || e.altKey) return;
          e.preventDefault();
          focus(to);
        }}
      >
        <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-bg">
          <div
            role="row"
            aria-rowindex={1}
            className={cx(line, 'h-8 text-sm text-muted')}
            style={{ gridTemplateColumns: template }}
          >
            {onPick && (
              <span role="columnheader">
                <span className="unseen">Selected</span>
              </span>
            )}
            {shown.map((c) => (
              <Header key={c.key} column={c} sort={sort} onSort={onSort} />
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.length * rowHeight }}>
          {items.map((index) => {
            const row = rows[index]!;
            const key = rowKey(row);
            const isPicked = picked?.has(key) ?? false;
            return (
              <div
                key={key}
                role="row"
                aria-rowindex={index + 2}
                tabIndex={index === active ? 0 : -1}
                data-row={index}
                aria-selected={onPick ? isPicked : undefined}
                onFocus={() => setActiveKey(key)}
                onClick={(e) => follow(e, href?.(row), navigate)}
                onKeyDown={(e) => {
                  if (e.key !== 'Enter' || e.target !== e.currentTarget || !href) return;
                  e.preventDefault();
                  navigate(href(row));
                }}
                className={cx(
                  line,
                  'absolute inset-x-0 border-b border-line/70 -outline-offset-2 hover:bg-hover',
                  href && 'cursor-pointer',
                  isPicked && 'bg-picked',
                  props.rowClass?.(row),
                )}
                style={{
                  gridTemplateColumns: template,
                  height: rowHeight,
                  transform: `translateY(${index * rowHeight}px)`,
                }}
              >
                {onPick && (
                  <span role="cell" className="flex">
                    <input
                      type="checkbox"
                      tabIndex={-1}
                      aria-label={`Select ${key}`}
                      checked={isPicked}
                      onChange={() => onPick(key)}
                      className="size-4 accent-accent"
                    />
                  </span>
                )}
                {shown.map((c) => (
                  <span role="cell" key={c.key} className={cx('min-w-0 truncate', c.end && 'text-right')}>
                    {c.cell(row)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {foot}
    </div>
  );
}

/** A click anywhere in a row goes where the row leads, unless it was meant for something else. */
function follow(e: React.MouseEvent, to: string | undefined, navigate: (to: string) => void) {
  if (!to || e.defaultPrevented) return;
  if ((e.target as Element).closest('a,button,input,label')) return;
  if (window.getSelection()?.toString()) return;
  if (e.metaKey || e.ctrlKey) window.open(to);
  else navigate(to);
}

function Header<T>({ column: c, sort, onSort }: { column: Column<T>; sort?: string; onSort?(sort: string): void }) {
  const key = c.sort;
  if (!key || !onSort) {
    return (
      <span role="columnheader" className={cx('truncate', c.end && 'text-right')}>
        {c.header}
      </span>
    );
  }
  const up = sort === key;
  const down = sort === `-${key}`;
  return (
    <span
      role="columnheader"
      aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}
      className={cx('min-w-0', c.end && 'text-right')}
    >
      <button
        type="button"
        className={cx('inline-flex h-6 items-center gap-1 hover:text-text', (up || down) && 'font-medium text-text')}
        onClick={() => onSort(up ? `-${key}` : key)}
      >
        {c.header}
        {up && <ArrowUp size={12} aria-hidden />}
        {down && <ArrowDown size={12} aria-hidden />}
      </button>
    </span>
  );
}

function useWidth(ref: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry?.contentRect.width ?? 0)));
    observer.observe(el);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
