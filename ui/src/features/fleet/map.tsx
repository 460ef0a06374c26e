import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { api, sent } from '@/api/client';
import { toggle } from '@/filter/grammar';
import { count, counted } from '@/format/count';
import { hub, useLive } from '@/live/use-live';
import { Button } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { HealthMark, healthShapes, StepMark, stepShapes, type Tone } from '@/parts/status-mark';
import { onRepaint } from '@/theme/theme';
import { stackHref } from '@/url/hrefs';
import { cellAt, hit, layoutMap, step } from './map-layout';
import { type MapModel, patchMap, readMap, tonesOf } from './map-model';
import { type Palette, paintMap, readPalette } from './map-paint';
import { NewsChip } from './news-chip';
import { type FleetParams, fleetHref } from './params';

/** Every Stack as a cell, grouped: the whole fleet at a glance. */
export default function FleetMap({ params, onClear }: { params: FleetParams; onClear(): void }) {
  const { q, group } = params;
  const query = useQuery({
    queryKey: ['map', q, group],
    queryFn: ({ signal }) =>
      sent(api.GET('/api/v1/stacks/map', { params: { query: { q: q || undefined, group } }, signal })),
    placeholderData: (before) => before,
    refetchOnMount: 'always',
  });
  const [absent, setAbsent] = useState(0);
  const [, repaint] = useState(0);
  const model = useMemo(
    () => (query.data ? readMap(query.data, group === 'namespace') : undefined),
    [query.data, group],
  );

  const renew = () => {
    setAbsent(0);
    void query.refetch().then(() => hub.caughtUp());
  };
  useLive('fleet', (event) => {
    if (event.type === 'resync') renew();
    if (event.type !== 'rows' || !model) return;
    const missing = patchMap(model, event.data.rows);
    // With a filter what is not here may be elsewhere on purpose.
    if (missing > 0 && q === '') setAbsent((n) => n + missing);
    repaint((n) => n + 1);
  });

  if (query.error && !model)
    return <ProblemPanel className="m-4" of={query.error} what="The map could not be read." onRetry={renew} />;
  if (!model) return <SkeletonRows rows={12} label="Loading the map" />;
  if (model.names.length === 0) {
    return (
      <Empty title="No Stack fits the filter">
        <Button onClick={onClear}>Clear the filter</Button>
      </Empty>
    );
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <Legend />
      <Cells model={model} params={params} />
      <Twin model={model} />
      <NewsChip className="-top-1" n={absent} onShow={renew} />
    </div>
  );
}

function Cells({ model, params }: { model: MapModel; params: FleetParams }) {
  const [, navigate] = useLocation();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useRef<Palette>(undefined);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [pointed, setPointed] = useState<{ cell: number; x: number; y: number }>();
  const [cursor, setCursor] = useState<number>();
  const sizes = useMemo(() => model.groups.map((g) => g.size), [model]);
  const layout = useMemo(() => layoutMap(sizes, Math.max(size.width, 120)), [sizes, size.width]);

  const draw = useRef(() => {});
  draw.current = () => {
    const el = canvas.current;
    const at = el?.getContext('2d');
    if (!el || !at || !box.current || size.width === 0) return;
    palette.current ??= readPalette(box.current);
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(size.width * ratio);
    const height = Math.round(size.height * ratio);
    if (el.width !== width || el.height !== height) {
      el.width = width;
      el.height = height;
    }
    at.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintMap(at, { model, layout, palette: palette.current, top: box.current.scrollTop, ...size, cursor });
  };
  useEffect(() => draw.current());

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const measure = () => setSize({ width: el.clientWidth - 32, height: el.clientHeight - 8 });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    const again = () => {
      palette.current = undefined;
      draw.current();
    };
    const off = onRepaint(again);
    // Text that is drawn before its font came would stay in another one.
    void document.fonts.ready.then(again);
    return () => {
      observer.disconnect();
      off();
    };
  }, []);

  const nameOf = (cell: number) => {
    const [namespace = '', name = ''] = model.names[cell]?.split('/') ?? [];
    return { namespace, name };
  };
  const open = (cell: number | undefined) =>
    cell !== undefined && model.names[cell] && navigate(stackHref(nameOf(cell)));
  const at = (e: React.MouseEvent) => {
    const rect = canvas.current!.getBoundingClientRect();
    return { x: e.clientX - rect.left, y: e.clientY - rect.top + box.current!.scrollTop };
  };
  const move = (to: number) => {
    setCursor(to);
    const place = cellAt(layout, to);
    const el = box.current;
    if (!place || !el) return;
    if (place.y - 30 < el.scrollTop) el.scrollTop = place.y - 30;
    if (place.y + 40 > el.scrollTop + el.clientHeight) el.scrollTop = place.y + 40 - el.clientHeight;
  };
  const told = cursor === undefined ? undefined : model.names[cursor] && stateWords(model, cursor);
  return (
    <div
      ref={box}
      role="application"
      aria-roledescription="map"
      aria-label={`${counted(model.names.length, 'Stack')} in ${counted(model.groups.length, 'group')}. Arrow keys move, Enter opens, page keys go from group to group.`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes arrow keys
      tabIndex={0}
      className="min-h-0 flex-1 overflow-y-auto px-4 pb-2 -outline-offset-2"
      onScroll={() => requestAnimationFrame(() => draw.current())}
      onFocus={() => setCursor((c) => c ?? 0)}
      onBlur={() => setCursor(undefined)}
      onKeyDown={(e) => {
        if (e.metaKey || e.ctrlKey || e.altKey) return;
        if (e.key === 'Enter') {
          e.preventDefault();
          open(cursor);
          return;
        }
        const from = cursor ?? 0;
        const to = step(layout, from, e.key);
        if (!/^(Arrow|Home|End|Page)/.test(e.key)) return;
        e.preventDefault();
        move(to);
      }}
      onPointerMove={(e) => {
        const { x, y } = at(e);
        const { cell } = hit(layout, x, y);
        setPointed((old) =>
          cell === undefined ? undefined : old?.cell === cell ? old : { cell, ...(cellAt(layout, cell) ?? { x, y }) },
        );
        e.currentTarget.style.cursor = cell === undefined && hit(layout, x, y).group === undefined ? '' : 'pointer';
      }}
      onPointerLeave={() => setPointed(undefined)}
      onClick={(e) => {
        const { x, y } = at(e);
        const { cell, group } = hit(layout, x, y);
        if (cell !== undefined && (e.metaKey || e.ctrlKey)) window.open(stackHref(nameOf(cell)));
        else if (cell !== undefined) open(cell);
        else if (group !== undefined) {
          const value = model.groups[group]?.name ?? '';
          navigate(fleetHref({ ...params, view: 'list', q: toggle(params.q, params.group, value) }));
        }
      }}
    >
      <div className="relative" style={{ height: Math.max(layout.height, 1) }}>
        <canvas
          ref={canvas}
          aria-hidden
          className="sticky top-0 block"
          style={{ width: size.width, height: size.height }}
        />
        {pointed && <Tip model={model} at={pointed} width={size.width} pitch={layout.pitch} />}
      </div>
      <p className="unseen" aria-live="polite">
        {told}
      </p>
    </div>
  );
}

function stateWords(model: MapModel, cell: number): string {
  const state = model.legend[model.states[cell]!]!;
  return `${model.names[cell]}: ${healthShapes[state.health].word}, ${stepShapes[state.step].word}`;
}

function Tip({
  model,
  at,
  width,
  pitch,
}: {
  model: MapModel;
  at: { cell: number; x: number; y: number };
  width: number;
  pitch: number;
}) {
  const state = model.legend[model.states[at.cell]!];
  const left = Math.min(at.x, Math.max(0, width - 280));
  return (
    <div
      className="pointer-events-none absolute z-10 max-w-70 rounded-md border border-line bg-raised px-2.5 py-1.5 shadow-float"
      style={{ left, top: at.y + pitch + 4 }}
    >
      <p className="mono truncate font-medium">{model.names[at.cell]}</p>
      {state && (
        <p className="mt-0.5 flex gap-3">
          <HealthMark health={state.health} />
          <StepMark step={state.step} />
        </p>
      )}
    </div>
  );
}

const meanings: { tone: Tone; words: string; sign: string }[] = [
  { tone: 'bad', words: 'degraded, failing', sign: '×' },
  { tone: 'warn', words: 'drifted, blocked, missing', sign: '/' },
  { tone: 'info', words: 'moving', sign: '|' },
  { tone: 'idle', words: 'paused, unknown', sign: '–' },
  { tone: 'ok', words: 'in step', sign: '' },
];

const swatch: Record<Tone, string> = {
  bad: 'bg-cell-bad text-cell-sign',
  warn: 'bg-cell-warn text-cell-sign',
  info: 'bg-cell-info text-bg',
  idle: 'bg-cell-idle text-muted',
  ok: 'bg-cell-ok',
};

function Legend() {
  return (
    <ul aria-label="What the cells mean" className="flex flex-wrap gap-x-4 gap-y-1 px-4 pb-3 text-sm text-muted">
      {meanings.map((m) => (
        <li key={m.tone} className="flex items-center gap-1.5">
          <span
            aria-hidden
            className={`mark flex size-3.5 items-center justify-center rounded-[3px] text-xs leading-none font-bold ${swatch[m.tone]}`}
          >
            {m.sign}
          </span>
          {m.words}
        </li>
      ))}
    </ul>
  );
}

/** The same as a table, for those who cannot see the cells; each Stack by itself is in the list. */
function Twin({ model }: { model: MapModel }) {
  return (
    <div className="unseen">
      <table>
        <caption>The map as a table</caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Stacks</th>
          </tr>
        </thead>
        <tbody>
          {model.groups.slice(0, 300).map((g) => (
            <tr key={g.name}>
              <th scope="row">{g.name || 'none'}</th>
              <td>{words(model, g)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function words(model: MapModel, group: MapModel['groups'][number]): string {
  const tones = tonesOf(model, group);
  const parts = meanings.filter((m) => tones[m.tone] > 0).map((m) => `${count(tones[m.tone])} ${m.words}`);
  return `${count(group.size)}: ${parts.join('; ')}`;
}
