import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { healthOf, healthShapes, toneText } from '@/parts/status-mark';
import { isProblem, offStep } from './group';
import { objectHref } from './ids';
import { extent, layout, nodeHeight, nodeWidth, type Placed, visible } from './tree-layout';
import type { Resource, StackName } from './types';

/**
 * Who was made of whom, as a drawing that can be moved and zoomed. The drawing is for
 * eyes; the same tree is beside it as a list for keys and assistive technology.
 */
export function Tree({ s, items }: { s: StackName; items: readonly Resource[] }) {
  const [, navigate] = useLocation();
  const byId = useMemo(() => new Map(items.map((r) => [r.id, r])), [items]);
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const reveal = useMemo(() => new Set(items.filter(isProblem).map((r) => r.id)), [items]);
  const placed = useMemo(() => layout(items, { opened, reveal }), [items, opened, reveal]);
  const size = useMemo(() => extent(placed), [placed]);
  const box = useRef<HTMLDivElement>(null);
  const [frame, setFrame] = useState({ width: 1000, height: 600 });
  const [view, setView] = useState({ x: -16, y: -16, zoom: 1 });
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const observer = new ResizeObserver(
      ([e]) => e && setFrame({ width: e.contentRect.width, height: e.contentRect.height }),
    );
    observer.observe(el);
    // Not React's own: it listens passively, and the page would scroll as well.
    const onWheel = (e: WheelEvent) => {
      e.preventDefault();
      setView((v) => {
        if (!e.ctrlKey && !e.metaKey) return { ...v, x: v.x + e.deltaX / v.zoom, y: v.y + e.deltaY / v.zoom };
        const at = el.getBoundingClientRect();
        return zoomed(v, Math.exp(-e.deltaY / 300), e.clientX - at.left, e.clientY - at.top);
      });
    };
    el.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      el.removeEventListener('wheel', onWheel);
    };
  }, []);
  const drag = useRef<{ x: number; y: number }>(undefined);
  const shown = visible(
    placed,
    view.x - 300,
    view.y - 200,
    frame.width / view.zoom + 600,
    frame.height / view.zoom + 400,
  );
  const at = new Map(placed.map((p) => [p.id, p]));
  const toggle = (p: Placed) => setOpened(new Map([...opened, [p.id, p.folded > 0]]));
  const open = (id: string) => navigate(objectHref(s, byId.get(id)!, window.location.search));

  return (
    <div className="relative flex min-h-80 flex-1 overflow-hidden border-t border-line">
      <div
        ref={box}
        className="min-w-0 flex-1 cursor-grab touch-none overflow-hidden bg-sunken active:cursor-grabbing"
        onPointerDown={(e) => {
          if ((e.target as Element).closest('[data-node]')) return;
          drag.current = { x: e.clientX, y: e.clientY };
          e.currentTarget.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => {
          const from = drag.current;
          if (!from) return;
          setView((v) => ({ ...v, x: v.x - (e.clientX - from.x) / v.zoom, y: v.y - (e.clientY - from.y) / v.zoom }));
          drag.current = { x: e.clientX, y: e.clientY };
        }}
        onPointerUp={() => {
          drag.current = undefined;
        }}
      >
        <svg
          aria-hidden
          width="100%"
          height="100%"
          viewBox={`${view.x} ${view.y} ${frame.width / view.zoom} ${frame.height / view.zoom}`}
        >
          {shown.map((p) => {
            const from = p.parent === undefined ? undefined : at.get(p.parent);
            if (!from) return null;
            const x1 = from.x + nodeWidth;
            const mid = (x1 + p.x) / 2;
            const [y1, y2] = [from.y + nodeHeight / 2, p.y + nodeHeight / 2];
            return (
              <path
                key={p.id}
                d={`M${x1} ${y1}C${mid} ${y1} ${mid} ${y2} ${p.x} ${y2}`}
                fill="none"
                stroke="var(--edge)"
              />
            );
          })}
          {shown.map((p) => (
            <Node key={p.id} p={p} r={byId.get(p.id)!} onOpen={() => open(p.id)} onToggle={() => toggle(p)} />
          ))}
        </svg>
      </div>
      <div className="absolute right-3 bottom-3 flex gap-1">
        <Button onClick={() => setView((v) => zoomed(v, 1.25, frame.width / 2, frame.height / 2))} aria-label="Larger">
          +
        </Button>
        <Button onClick={() => setView((v) => zoomed(v, 0.8, frame.width / 2, frame.height / 2))} aria-label="Smaller">
          −
        </Button>
        <Button
          onClick={() =>
            setView({
              x: -16,
              y: -16,
              zoom: clamp(Math.min(frame.width / (size.width + 32), frame.height / (size.height + 32), 1)),
            })
          }
        >
          Fit
        </Button>
      </div>
      <Outline placed={placed} byId={byId} onOpen={open} onToggle={toggle} />
    </div>
  );
}

interface View {
  x: number;
  y: number;
  zoom: number;
}

const clamp = (zoom: number) => Math.min(2, Math.max(0.15, zoom));

/** Zooms and keeps the point under the pointer where it is. */
function zoomed(v: View, by: number, px: number, py: number): View {
  const zoom = clamp(v.zoom * by);
  return { zoom, x: v.x + px / v.zoom - px / zoom, y: v.y + py / v.zoom - py / zoom };
}

function Node({ p, r, onOpen, onToggle }: { p: Placed; r: Resource; onOpen(): void; onToggle(): void }) {
  const shape = healthShapes[healthOf(r.health)];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the outline has the same for keys
    <g data-node={p.id} transform={`translate(${p.x} ${p.y})`} onClick={onOpen} className="cursor-pointer">
      <title>{`${r.id}: ${r.health}${r.message ? `, ${r.message}` : ''}`}</title>
      <rect
        width={nodeWidth}
        height={nodeHeight}
        rx="7"
        fill="var(--panel)"
        stroke={isProblem(r) ? 'var(--bad)' : offStep(r) ? 'var(--warn)' : 'var(--line)'}
      />
      <g transform="translate(9 12)" className={toneText[shape.tone]}>
        {shape.draw}
      </g>
      <text x="32" y="17" fontSize="12.5" fill="var(--text)" fontWeight="500">
        {cut(r.name, 25)}
      </text>
      <text x="32" y="31" fontSize="11" fill="var(--muted)">
        {cut(`${r.kind}${r.note ? ` · ${r.note}` : ''}`, 30)}
      </text>
      {p.folded > 0 && (
        // biome-ignore lint/a11y/noStaticElementInteractions: the outline has the same for keys
        <g
          onClick={(e) => {
            e.stopPropagation();
            onToggle();
          }}
        >
          <rect x={nodeWidth - 14} y="8" width="34" height="24" rx="12" fill="var(--raised)" stroke="var(--edge)" />
          <text x={nodeWidth + 3} y="24" fontSize="11" textAnchor="middle" fill="var(--muted)">
            +{p.folded}
          </text>
        </g>
      )}
    </g>
  );
}

const cut = (s: string, n: number) => (s.length > n ? `${s.slice(0, n - 1)}…` : s);

interface OutlineProps {
  placed: readonly Placed[];
  byId: ReadonlyMap<string, Resource>;
  onOpen(id: string): void;
  onToggle(p: Placed): void;
}

/** The same tree for keys: arrows move and open, Enter opens the object. */
function Outline({ placed, byId, onOpen, onToggle }: OutlineProps) {
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const parents = useMemo(() => new Set(placed.map((p) => p.parent)), [placed]);
  const focus = (i: number) => {
    const to = Math.max(0, Math.min(placed.length - 1, i));
    setActive(to);
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[to]?.focus());
  };
  const onKey = (e: KeyboardEvent) => {
    const p = placed[active];
    if (!p || e.metaKey || e.ctrlKey || e.altKey) return;
    const moves: Record<string, () => void> = {
      ArrowDown: () => focus(active + 1),
      ArrowUp: () => focus(active - 1),
      Home: () => focus(0),
      End: () => focus(placed.length - 1),
      ArrowRight: () => (p.folded > 0 ? onToggle(p) : focus(active + 1)),
      ArrowLeft: () =>
        parents.has(p.id)
          ? onToggle(p)
          : focus(
              Math.max(
                0,
                placed.findIndex((x) => x.id === p.parent),
              ),
            ),
      Enter: () => onOpen(p.id),
    };
    const move = moves[e.key];
    if (!move) return;
    e.preventDefault();
    e.stopPropagation();
    move();
  };
  return (
    <div
      ref={list}
      role="tree"
      aria-label="Objects and what was made of them"
      onKeyDown={onKey}
      className="unseen focus-within:static focus-within:m-0 focus-within:h-auto focus-within:w-80 focus-within:shrink-0 focus-within:overflow-auto focus-within:border-l focus-within:border-line focus-within:bg-panel focus-within:p-2 focus-within:[clip-path:none]"
    >
      {placed.map((p, i) => {
        const r = byId.get(p.id);
        if (!r) return null;
        const kids = parents.has(p.id) || p.folded > 0;
        return (
          <div
            key={p.id}
            role="treeitem"
            aria-level={p.depth + 1}
            aria-expanded={kids ? p.folded === 0 : undefined}
            aria-selected={i === active}
            tabIndex={i === active ? 0 : -1}
            onFocus={() => setActive(i)}
            onClick={() => onOpen(p.id)}
            onKeyDown={undefined}
            style={{ paddingLeft: p.depth * 16 + 4 }}
            className={cx('cursor-pointer truncate rounded leading-6', i === active && 'bg-picked')}
          >
            {r.kind} {r.name}: {r.health}
            {p.folded > 0 && ` (${p.folded} folded)`}
          </div>
        );
      })}
    </div>
  );
}
