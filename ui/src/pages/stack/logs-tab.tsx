import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { count } from '@/format/count';
import { fullTime } from '@/format/time';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { ProblemPanel } from '@/parts/problem-panel';
import { oneOf, text, useParams, whole } from '@/url/params';
import { useResources, useVerbs } from './data';
import { follow } from './follow';
import { append, empty, type Kept, plain, search } from './log-buffer';
import type { LogLine, StackName } from './types';

const schema = {
  object: text(),
  pod: text(),
  container: text(),
  find: text(),
  wrap: oneOf(['no', 'yes'], 'no'),
  previous: oneOf(['no', 'yes'], 'no'),
  tail: whole(200),
};

/** The logs of a Stack's pods, merged as they come. Scrolling up pauses, and the end resumes. */
export function LogsTab({ s }: { s: StackName }) {
  const [p, set] = useParams(schema);
  const { data } = useResources(s);
  const verbs = useVerbs(s);
  const [buffer, setBuffer] = useState(empty);
  const [state, setState] = useState<'opening' | 'following' | 'lost' | 'ended'>('opening');
  const [problem, setProblem] = useState<unknown>();
  const [paused, setPaused] = useState(false);
  const waiting = useRef<LogLine[]>([]);
  const stopped = useRef(false);
  stopped.current = paused;

  const query = useMemo(() => {
    const q = new URLSearchParams({ follow: String(p.previous === 'no'), tail: String(Math.min(p.tail, 10_000)) });
    if (p.object) q.set('object', p.object);
    if (p.pod) q.set('pod', p.pod);
    if (p.container) q.set('container', p.container);
    if (p.previous === 'yes') q.set('previous', 'true');
    return q.toString();
  }, [p.object, p.pod, p.container, p.previous, p.tail]);

  useEffect(() => {
    setBuffer(empty);
    setProblem(undefined);
    setState('opening');
    waiting.current = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      if (stopped.current) return;
      const lines = waiting.current;
      waiting.current = [];
      setBuffer((b) => append(b, lines));
    };
    const off = follow(
      `/api/v1/stacks/${encodeURIComponent(s.namespace)}/${encodeURIComponent(s.name)}/logs?${query}`,
      {
        open: () => {
          setState('following');
          setProblem(undefined);
          // What is sent again after a break is not told twice.
          waiting.current = [];
          setBuffer(empty);
        },
        event: (e) => {
          if (e.type === 'problem') setProblem(JSON.parse(e.data));
          if (e.type !== 'lines') return;
          waiting.current.push(...(JSON.parse(e.data) as LogLine[]));
          // While paused nothing is drawn, and memory stays bounded.
          if (waiting.current.length > 20_000) waiting.current.splice(0, waiting.current.length - 20_000);
          frame ||= requestAnimationFrame(flush);
        },
        lost: () => setState('lost'),
        end: () => setState('ended'),
        failed: setProblem,
      },
    );
    return () => {
      off();
      cancelAnimationFrame(frame);
    };
  }, [s.namespace, s.name, query]);

  const resume = () => {
    setPaused(false);
    const lines = waiting.current;
    waiting.current = [];
    setBuffer((b) => append(b, lines));
  };

  const pods = (data?.items ?? []).filter((r) => r.kind === 'Pod' && r.group === '');
  const workloads = (data?.items ?? []).filter((r) => r.managed && r.card === r.id);
  const containers = [
    ...new Set(pods.filter((r) => !p.pod || r.name === p.pod).flatMap((r) => r.containers ?? [])),
  ].sort();
  const shown = useMemo(() => search(buffer.lines, p.find), [buffer, p.find]);
  const select = 'h-7 max-w-60 rounded-md border border-edge bg-bg px-1.5';

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 py-2">
        <select
          aria-label="Workload"
          className={select}
          value={p.object}
          onChange={(e) => set({ object: e.target.value, pod: '' })}
        >
          <option value="">All workloads</option>
          {p.object && !workloads.some((w) => w.id === p.object) && <option value={p.object}>{p.object}</option>}
          {workloads.map((w) => (
            <option key={w.id} value={w.id}>
              {w.kind}/{w.name}
            </option>
          ))}
        </select>
        <select aria-label="Pod" className={select} value={p.pod} onChange={(e) => set({ pod: e.target.value })}>
          <option value="">All pods</option>
          {pods
            .filter((r) => !p.object || r.card === p.object || r.id === p.object)
            .map((r) => (
              <option key={r.id} value={r.name}>
                {r.name}
              </option>
            ))}
        </select>
        <select
          aria-label="Container"
          className={select}
          value={p.container}
          onChange={(e) => set({ container: e.target.value })}
        >
          <option value="">All containers</option>
          {containers.map((c) => (
            <option key={c}>{c}</option>
          ))}
        </select>
        <input
          aria-label="Find in the logs"
          placeholder="Find"
          value={p.find}
          onChange={(e) => set({ find: e.target.value }, { replace: true })}
          className="h-7 w-44 rounded-md border border-edge bg-bg px-2"
        />
        <Button aria-pressed={p.wrap === 'yes'} onClick={() => set({ wrap: p.wrap === 'yes' ? 'no' : 'yes' })}>
          Wrap
        </Button>
        <Button
          aria-pressed={p.previous === 'yes'}
          onClick={() => set({ previous: p.previous === 'yes' ? 'no' : 'yes' })}
        >
          Before the restart
        </Button>
        <span role="status" className="ml-auto text-muted">
          {state === 'following' && !paused && 'following'}
          {state === 'opening' && 'opening'}
          {state === 'lost' && 'broken off, trying again'}
          {state === 'ended' && 'ended'}
          {paused && state === 'following' && 'paused'} · {count(shown.length)} lines
        </span>
        {paused && <Button onClick={resume}>Resume</Button>}
      </div>
      {verbs?.logs && !verbs.logs.allowed && (
        <p className="mx-4 mb-2 text-muted">{verbs.logs.reason || 'You may not read logs of this stack.'}</p>
      )}
      {problem !== undefined && <ProblemPanel className="mx-4 mb-2" of={problem} what="The logs could not be read." />}
      {buffer.dropped > 0 && (
        <p className="px-4 pb-1 text-sm text-muted">{count(buffer.dropped)} older lines were let go.</p>
      )}
      <Lines
        lines={shown}
        wrap={p.wrap === 'yes'}
        paused={paused}
        onPause={() => setPaused(true)}
        onEnd={resume}
        mark={p.find}
      />
    </div>
  );
}

interface LinesProps {
  lines: readonly Kept[];
  wrap: boolean;
  paused: boolean;
  mark: string;
  onPause(): void;
  onEnd(): void;
}

function Lines({ lines, wrap, paused, mark, onPause, onEnd }: LinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => 18,
    overscan: 30,
    getItemKey: (i) => lines[i]!.n,
  });
  useEffect(() => {
    if (!paused && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [paused, lines, virtual]);
  const last = useRef(0);
  return (
    <div
      ref={box}
      role="log"
      aria-label="Logs"
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
      tabIndex={0}
      onScroll={(e) => {
        const el = e.currentTarget;
        const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 40;
        if (!atEnd && el.scrollTop < last.current - 2 && !paused) onPause();
        if (atEnd && paused) onEnd();
        last.current = el.scrollTop;
      }}
      className="mono min-h-40 flex-1 overflow-auto border-t border-line bg-sunken leading-[18px]"
    >
      <div className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const l = lines[item.index]!;
          return (
            <div
              key={item.key}
              data-index={item.index}
              ref={wrap ? virtual.measureElement : undefined}
              className={cx('absolute left-0 flex w-full gap-2 px-3', l.note && 'text-muted italic')}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {l.at && (
                <span className="shrink-0 text-muted" title={fullTime(Date.parse(l.at))}>
                  {l.at.slice(11, 23)}
                </span>
              )}
              {l.pod && (
                <span className="w-56 shrink-0 truncate text-muted" title={`${l.pod}/${l.container}`}>
                  {l.pod}/{l.container}
                </span>
              )}
              <span className={wrap ? 'min-w-0 flex-1 break-all whitespace-pre-wrap' : 'whitespace-pre'}>
                <Marked text={plain(l.text)} mark={mark} />
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Marked({ text, mark }: { text: string; mark: string }) {
  const wanted = mark.trim().toLowerCase();
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark className="rounded-sm bg-picked text-text">{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}
