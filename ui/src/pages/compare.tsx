import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, sent } from '@/api/client';
import { counted, short } from '@/format/count';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { stackHref } from '@/url/hrefs';
import { oneOf, text, useParams } from '@/url/params';
import { stackKey, useStack } from './stack/data';
import type { FieldTable } from './stack/fields';
import { keyOf } from './stack/ids';
import type { ReleaseRow, StackName } from './stack/types';
import { YamlDiff } from './stack/yaml';

const schema = {
  from: text(),
  to: text(),
  as: oneOf(['fields', 'yaml'], 'yaml'),
  side: oneOf(['unified', 'split'], 'unified'),
};
const hash = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** What differs between what two releases, or commits, render to. */
export default function Compare({ params }: PageProps) {
  const s: StackName = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const [p, set] = useParams(schema);
  const stack = useStack(s);
  usePage({
    crumbs: [{ label: 'Fleet', href: '/fleet' }, { label: s.name, href: stackHref(s) }, { label: 'Compare' }],
    cli: `lockstep diff ${s.namespace}/${s.name} --from ${short(p.from) || 'N'} --to ${short(p.to) || 'N'}`,
  });
  const releases = stack.data?.releases ?? [];
  const from = commitOf(p.from, releases);
  const to = commitOf(p.to, releases);
  const known = stack.data !== undefined && from !== undefined && to !== undefined;
  const q = useQuery({
    queryKey: stackKey(s, 'compare', from, to),
    enabled: known,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/compare', {
          params: {
            path: { namespace: s.namespace, name: s.name },
            query: { from: from || undefined, to: to || undefined },
          },
          signal,
        }),
      ),
  });
  const label = (r: ReleaseRow) => `${r.id} · ${short(r.revision)} ${r.subject ?? ''}`.slice(0, 60);
  const pick = (name: 'from' | 'to') => (
    <select
      aria-label={name === 'from' ? 'From' : 'To'}
      className="h-7 max-w-80 rounded-md border border-edge bg-bg px-1.5"
      value={p[name]}
      onChange={(e) => set({ [name]: e.target.value })}
    >
      <option value="">Git now</option>
      {p[name] && !releases.some((r) => String(r.id) === p[name]) && <option value={p[name]}>{short(p[name])}</option>}
      {releases.map((r) => (
        <option key={r.id} value={String(r.id)}>
          {label(r)}
        </option>
      ))}
    </select>
  );
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 py-3">
        <h1 className="mr-2 text-xl font-semibold">Compare</h1>
        {pick('from')} <span aria-hidden>→</span> {pick('to')}
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
      {stack.error && !stack.data && <ProblemPanel className="m-4" of={stack.error} />}
      {stack.data && !known && (
        <Empty title="That release is not known any more">
          Choose others, or give full commit hashes in the address.
        </Empty>
      )}
      {known && q.error && !q.data && (
        <ProblemPanel
          className="m-4"
          of={q.error}
          what="They could not be compared."
          onRetry={() => void q.refetch()}
        />
      )}
      {known && !q.data && !q.error && <SkeletonRows label="Rendering both" />}
      {q.data && (
        <div className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-4 pb-4">
          <p className="text-muted">
            <span className="mono">{short(q.data.from)}</span> → <span className="mono">{short(q.data.to)}</span>:{' '}
            {counted(q.data.changes.length + q.data.left, 'object')} rendered differently, {q.data.same} the same.
          </p>
          {q.data.changes.length === 0 && <Empty title="Identical">Both render to the same objects.</Empty>}
          {q.data.changes.map((c) => (
            <ChangeView key={c.id} c={c} as={p.as} split={p.side === 'split'} />
          ))}
        </div>
      )}
    </div>
  );
}

type Change = {
  id: string;
  change: string;
  before?: string;
  after?: string;
  fields: Parameters<typeof FieldTable>[0]['fields'];
};

function ChangeView({ c, as, split }: { c: Change; as: 'fields' | 'yaml'; split: boolean }) {
  const [open, setOpen] = useState(true);
  const key = keyOf(c.id);
  const tone = c.change === 'removed' ? 'bad' : c.change === 'added' ? 'ok' : 'warn';
  return (
    <section className="shrink-0 overflow-hidden rounded-lg border border-line bg-panel">
      <h2 className="flex items-center gap-2 bg-sunken px-3 py-1.5">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`${open ? 'Fold' : 'Unfold'} ${key.kind} ${key.name}`}
          className="size-6"
          onClick={() => setOpen(!open)}
        >
          {open ? '▾' : '▸'}
        </button>
        <Badge tone={tone}>{c.change}</Badge>
        <span className="min-w-0 truncate font-medium">
          {key.kind}/{key.name}
        </span>
      </h2>
      {open && as === 'yaml' && (
        <div className="p-2">
          <YamlDiff before={c.before ?? ''} after={c.after ?? ''} label={`${key.kind} ${key.name}`} split={split} />
        </div>
      )}
      {open && as === 'fields' && (
        <ul className="px-3 py-2">
          {c.fields.map((f) => (
            <li key={f.path} className="mono break-all">
              {f.path} <span className="text-bad">{f.live || '—'}</span> →{' '}
              <span className="text-ok">{f.git || '—'}</span>
            </li>
          ))}
          {c.fields.length === 0 && <li className="text-muted">the whole object</li>}
        </ul>
      )}
    </section>
  );
}

/** A release number or a commit as the commit; "" is what Git says now, undefined what nobody knows. */
function commitOf(what: string, releases: readonly ReleaseRow[]): string | undefined {
  if (what === '' || hash.test(what)) return what;
  return releases.find((r) => String(r.id) === what)?.revision;
}
