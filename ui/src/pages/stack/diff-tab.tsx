import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useCommands } from '@/commands/commands';
import { counted, short } from '@/format/count';
import { Cli } from '@/parts/cli';
import { cx } from '@/parts/cx';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge, type Tone } from '@/parts/status-mark';
import { oneOf, useParams } from '@/url/params';
import { useDiff, useObject } from './data';
import { FieldTable } from './fields';
import { keyOf, objectHref } from './ids';
import type { Difference, StackName } from './types';
import { YamlDiff } from './yaml';

const schema = {
  as: oneOf(['fields', 'yaml'], 'fields'),
  side: oneOf(['unified', 'split'], 'unified'),
  quiet: oneOf(['hide', 'show'], 'hide'),
};

export const verbs: Record<string, [string, Tone]> = {
  delete: ['−', 'bad'],
  replace: ['±', 'bad'],
  orphan: ['·', 'idle'],
  update: ['~', 'warn'],
  create: ['+', 'ok'],
  leave: ['≠', 'idle'],
};

/** What differs between Git and the Target: fields first, text second. */
export function DiffTab({ s }: { s: StackName }) {
  const [p, set] = useParams(schema);
  const { data, error, refetch } = useDiff(s);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const quietOnly = (d: Difference) => d.verb === 'leave' && d.fields.every((f) => f.class !== 'drift');
  const objects = (data?.objects ?? []).filter((d) => p.quiet === 'show' || !quietOnly(d));
  const go = (to: number) => {
    const next = Math.max(0, Math.min(objects.length - 1, to));
    setAt(next);
    list.current?.querySelectorAll<HTMLElement>('[data-object]')[next]?.scrollIntoView({ block: 'start' });
  };
  useCommands([
    { id: 'diff.next', label: 'Next difference', group: 'This page', keys: 'n', unlisted: true, run: () => go(at + 1) },
    {
      id: 'diff.previous',
      label: 'Previous difference',
      group: 'This page',
      keys: 'p',
      unlisted: true,
      run: () => go(at - 1),
    },
  ]);
  if (error && !data)
    return (
      <ProblemPanel
        className="m-4"
        of={error}
        what="Git and the target could not be compared."
        onRetry={() => void refetch()}
      />
    );
  if (!data) return <SkeletonRows label="Comparing" />;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-3 px-4 py-2">
        <span>
          Git at <span className="mono">{short(data.revision)}</span> ↔ live
        </span>
        <span className="mono text-muted">
          +{data.summary.create} ~{data.summary.update} ±{data.summary.replace} −{data.summary.delete}
        </span>
        {data.quiet > 0 && (
          <button
            type="button"
            aria-pressed={p.quiet === 'show'}
            className="min-h-6 text-muted hover:text-text hover:underline"
            onClick={() => set({ quiet: p.quiet === 'show' ? 'hide' : 'show' })}
          >
            {p.quiet === 'show' ? 'Hide' : 'Show'} {counted(data.quiet, 'ignored field')}
          </button>
        )}
        <span className="ml-auto flex gap-2">
          {p.as === 'yaml' && (
            <Segments
              label="How texts are shown"
              value={p.side}
              onChange={(v) => set({ side: v })}
              options={[
                { value: 'unified', label: 'Unified' },
                { value: 'split', label: 'Split' },
              ]}
            />
          )}
          <Segments
            label="What is compared"
            value={p.as}
            onChange={(v) => set({ as: v })}
            options={[
              { value: 'fields', label: 'Fields' },
              { value: 'yaml', label: 'YAML' },
            ]}
          />
        </span>
      </div>
      {data.held && <p className="mx-4 mb-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">Held: {data.held}</p>}
      {data.problem && (
        <p className="mx-4 mb-2 rounded-md bg-bad-soft px-3 py-1.5 break-words whitespace-pre-line text-bad">
          {data.problem}
        </p>
      )}
      <div ref={list} className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-4 pb-4">
        {objects.length === 0 && (
          <Empty title="Live is what Git says">
            <Cli line={`lockstep diff ${s.namespace}/${s.name} --owners`} />
          </Empty>
        )}
        {objects.map((d, i) => (
          <ObjectDiff key={d.id} s={s} d={d} as={p.as} split={p.side === 'split'} current={i === at} />
        ))}
        {data.left > 0 && <p className="text-muted">{counted(data.left, 'more object')} differ and are not listed.</p>}
      </div>
    </div>
  );
}

function ObjectDiff({
  s,
  d,
  as,
  split,
  current,
}: {
  s: StackName;
  d: Difference;
  as: 'fields' | 'yaml';
  split: boolean;
  current: boolean;
}) {
  const [open, setOpen] = useState(true);
  const key = keyOf(d.id);
  const [sign, tone] = verbs[d.verb] ?? ['?', 'idle'];
  return (
    <section
      data-object={d.id}
      className={cx('shrink-0 overflow-hidden rounded-lg border bg-panel', current ? 'border-edge' : 'border-line')}
    >
      <h2 className="flex items-center gap-2 bg-sunken px-3 py-1.5">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`${open ? 'Fold' : 'Unfold'} ${d.kind} ${d.name}`}
          className="size-6"
          onClick={() => setOpen(!open)}
        >
          {open ? '▾' : '▸'}
        </button>
        <Badge tone={tone}>
          {sign} {d.verb}
        </Badge>
        <Link href={objectHref(s, key)} className="min-w-0 truncate font-medium hover:underline">
          {d.kind}/{d.name}
        </Link>
        <span className="truncate text-sm text-muted" title={d.reason}>
          {d.reason}
        </span>
        <span className="mono ml-auto hidden shrink-0 truncate text-muted md:inline">{d.origin}</span>
      </h2>
      {open && as === 'fields' && d.fields.length > 0 && (
        <FieldTable label={`Fields of ${d.kind} ${d.name}`} object={key} fields={d.fields} />
      )}
      {open && as === 'fields' && d.fields.length === 0 && (
        <p className="px-3 py-2 text-muted">{d.reason || 'The whole object.'}</p>
      )}
      {open && as === 'yaml' && <Texts s={s} d={d} split={split} />}
    </section>
  );
}

/** The text is fetched when it is about to be seen: a diff may be of two hundred objects. */
function Texts({ s, d, split }: { s: StackName; d: Difference; split: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const observer = new IntersectionObserver((es) => es.some((e) => e.isIntersecting) && setNear(true), {
      rootMargin: '300px',
    });
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  const { data, error } = useObject(s, near ? keyOf(d.id) : undefined);
  return (
    <div ref={box} className="min-h-16 p-2">
      {error && !data && <ProblemPanel of={error} />}
      {data && (
        <YamlDiff
          before={data.asked ?? ''}
          after={data.desired ?? ''}
          label={`${d.kind} ${d.name}: from live to Git`}
          split={split}
        />
      )}
    </div>
  );
}
