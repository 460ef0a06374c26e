import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { counted, short } from '@/format/count';
import { ButtonLink } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import type { Tone } from '@/parts/status-mark';
import { stackHref } from '@/url/hrefs';
import { oneOf, useParams } from '@/url/params';
import { type Change, Changes, type View, ViewChoice, viewParams } from './changes';
import { useDiff, useObject } from './data';
import { FieldTable } from './fields';
import { keyOf, objectHref } from './ids';
import type { Difference, StackName } from './types';
import { YamlDiff } from './yaml';

const schema = { ...viewParams, quiet: oneOf(['hide', 'show'], 'hide') };

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
  const quietOnly = (d: Difference) => d.verb === 'leave' && d.fields.every((f) => f.class !== 'drift');
  const objects = (data?.objects ?? []).filter((d) => p.quiet === 'show' || !quietOnly(d));
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
        <ButtonLink look="bare" to={stackHref(s, 'compare')}>
          Compare others…
        </ButtonLink>
        <ViewChoice view={p} onChange={set} />
      </div>
      {data.held && <p className="mx-4 mb-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">Held: {data.held}</p>}
      {data.problem && (
        <p className="mx-4 mb-2 rounded-md bg-bad-soft px-3 py-1.5 break-words whitespace-pre-line text-bad">
          {data.problem}
        </p>
      )}
      <Changes of={objects.map((d) => changeOf(s, d, p))} left={data.left}>
        {objects.length === 0 && (
          <Empty title="Live is what Git says">
            <Cli line={`lockstep diff ${s.namespace}/${s.name} --owners`} />
          </Empty>
        )}
      </Changes>
    </div>
  );
}

function changeOf(s: StackName, d: Difference, view: View): Change {
  const key = keyOf(d.id);
  const [sign, tone] = verbs[d.verb] ?? ['?', 'idle'];
  return {
    id: d.id,
    badge: [`${sign} ${d.verb}`, tone],
    name: `${d.kind} ${d.name}`,
    title: (
      <Link href={objectHref(s, key)} className="hover:underline">
        {d.kind}/{d.name}
      </Link>
    ),
    about: d.reason,
    origin: d.origin,
    body: (
      <>
        {view.as === 'fields' && d.fields.length > 0 && (
          <FieldTable label={`Fields of ${d.kind} ${d.name}`} object={key} fields={d.fields} />
        )}
        {view.as === 'fields' && d.fields.length === 0 && (
          <p className="px-3 py-2 text-muted">{d.reason || 'The whole object.'}</p>
        )}
        {view.as === 'yaml' && <Texts s={s} d={d} split={view.side === 'split'} />}
      </>
    ),
  };
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
