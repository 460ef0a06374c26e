import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api, sent } from '@/api/client';
import { counted, short } from '@/format/count';
import { Button } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import type { Tone } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { stackHref } from '@/url/hrefs';
import { text, useParams } from '@/url/params';
import { type Change, Changes, type View, ViewChoice, viewParams } from './stack/changes';
import { stackKey, useReleases, useStack } from './stack/data';
import { keyOf } from './stack/ids';
import { asked, compareCli, git, live, otherStack, pointless, sideName } from './stack/sides';
import type { Comparison, StackName } from './stack/types';
import { YamlDiff } from './stack/yaml';

const schema = { ...viewParams, from: text(live), to: text(git), with: text() };

/** What differs between two releases, what is live, what Git says now, and two Stacks. */
export default function Compare({ params }: PageProps) {
  const s: StackName = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const [p, set] = useParams(schema);
  const other = otherStack(s, p.with);
  usePage({
    crumbs: [
      { label: 'Fleet', href: '/fleet' },
      { label: s.namespace, href: `/fleet?q=ns:${s.namespace}` },
      { label: s.name, href: stackHref(s) },
      { label: 'Compare' },
    ],
    cli: compareCli(s, p.from, p.to, other),
  });
  const wrong = pointless(p.from, p.to, other);
  const withLive = p.from === live || p.to === live;
  const q = useQuery({
    // What is live is read anew when the Stack moves; two commits stay what they are.
    queryKey: stackKey(s, withLive ? 'live' : 'commits', 'compare', p.from, p.to, p.with),
    enabled: wrong === undefined,
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/compare', {
          params: {
            path: s,
            query: {
              from: asked(p.from),
              to: asked(p.to),
              with: other && `${other.namespace}/${other.name}`,
            },
          },
          signal,
        }),
      ),
  });
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 py-3">
        <h1 className="mr-2 text-xl font-semibold">Compare</h1>
        <Pick s={s} label="From" value={p.from} onChange={(from) => set({ from })} live={!other} />
        <span aria-hidden className="text-muted">
          →
        </span>
        <Pick s={other ?? s} label="To" value={p.to} onChange={(to) => set({ to })} live={!other} />
        <With
          s={s}
          value={p.with}
          onChange={(to) =>
            set({ with: to, ...(to ? { from: p.from === live ? git : p.from, to: p.to === live ? git : p.to } : {}) })
          }
        />
        <Button look="bare" disabled={other !== undefined} onClick={() => set({ from: p.to, to: p.from })}>
          Swap
        </Button>
        <ViewChoice view={p} onChange={set} />
      </div>
      {wrong && (
        <Empty title="Nothing to compare">
          {wrong}. Choose two sides: releases, what is live, or what Git says now. A commit is given in full, in the
          address.
        </Empty>
      )}
      {!wrong && q.error && !q.data && (
        <ProblemPanel
          className="m-4"
          of={q.error}
          what="They could not be compared."
          onRetry={() => void q.refetch()}
        />
      )}
      {!wrong && !q.data && !q.error && <SkeletonRows label="Comparing" />}
      {!wrong && q.data && (
        <Changes of={q.data.changes.map((c) => changeOf(c, p, [sideName(p.from), sideName(p.to)]))} left={q.data.left}>
          <p className="text-muted">
            <Of side={q.data.from} release={q.data.fromRelease} /> →{' '}
            {other && <span className="mono">{`${other.namespace}/${other.name} `}</span>}
            <Of side={q.data.to} release={q.data.toRelease} />: {counted(q.data.changes.length + q.data.left, 'object')}{' '}
            not the same, {q.data.same} the same.
          </p>
          {q.data.problem && (
            <p className="rounded-md bg-bad-soft px-3 py-1.5 break-words whitespace-pre-line text-bad">
              {q.data.problem}
            </p>
          )}
          {q.data.changes.length === 0 && (
            <Empty title="Identical">
              {withLive ? 'What is live is what the commit asks for.' : 'Both render to the same objects.'}
            </Empty>
          )}
        </Changes>
      )}
    </div>
  );
}

function Of({ side, release: r }: { side: string; release?: Comparison['fromRelease'] }) {
  if (side === live) return <span>live</span>;
  return (
    <span title={r?.subject}>
      {r && `release ${r.number} · `}
      <span className="mono">{short(side)}</span>
      {r?.subject && ` ${r.subject.slice(0, 60)}`}
      {r && (
        <>
          {' '}
          (<Ago at={r.steps.ended ?? r.steps.started} />)
        </>
      )}
    </span>
  );
}

const field = 'h-7 rounded-md border border-edge bg-bg px-1.5';

function Pick({
  s,
  label,
  value,
  onChange,
  live: offered,
}: {
  s: StackName;
  label: string;
  value: string;
  onChange(to: string): void;
  live: boolean;
}) {
  const stack = useStack(s);
  const kept = useReleases(s);
  // The Stack remembers a few releases also where no history is kept.
  const releases = new Map<number, { revision: string; subject?: string }>();
  for (const r of stack.data?.releases ?? []) releases.set(r.id, r);
  for (const r of kept.releases) releases.set(r.number, r);
  const numbers = [...releases.keys()].sort((a, b) => b - a);
  const sides = [...(offered ? [live] : []), git, ...numbers.map(String)];
  const words = (side: string) => {
    const r = releases.get(Number(side));
    return r ? `${side} · ${short(r.revision)} ${r.subject ?? ''}`.slice(0, 60) : sideName(side);
  };
  return (
    <select
      aria-label={label}
      className={`${field} max-w-72`}
      value={value}
      onChange={(e) => onChange(e.target.value)}
      onFocus={() => kept.more && kept.fetchMore()}
    >
      {!sides.includes(value) && <option value={value}>{sideName(value)}</option>}
      {sides.map((side) => (
        <option key={side} value={side}>
          {words(side)}
        </option>
      ))}
    </select>
  );
}

/** Another Stack: mostly the same application somewhere else, so those of its name are offered. */
function With({ s, value, onChange }: { s: StackName; value: string; onChange(to: string): void }) {
  const id = useId();
  const [typed, setTyped] = useState<string>();
  const q = useQuery({
    queryKey: ['alike', s.name],
    queryFn: ({ signal }) =>
      sent(api.GET('/api/v1/stacks', { params: { query: { q: `name:${s.name}`, limit: 20 } }, signal })),
  });
  const alike = (q.data?.items ?? []).filter((x) => otherStack(s, `${x.namespace}/${x.name}`));
  const done = () => {
    if (typed !== undefined && typed.trim() !== value) onChange(typed.trim());
    setTyped(undefined);
  };
  const strange = value !== '' && !otherStack(s, value);
  return (
    <>
      <input
        aria-label="Of another stack"
        aria-invalid={strange}
        title={strange ? 'NAMESPACE/NAME of another stack' : undefined}
        placeholder="of another stack…"
        list={id}
        spellCheck={false}
        autoComplete="off"
        className={`${field} w-48`}
        value={typed ?? value}
        onChange={(e) => {
          setTyped(e.target.value);
          // A suggestion that is chosen is meant, one that is typed may go on.
          if (alike.some((x) => `${x.namespace}/${x.name}` === e.target.value)) onChange(e.target.value);
        }}
        onBlur={done}
        onKeyDown={(e) => e.key === 'Enter' && done()}
      />
      <datalist id={id}>
        {alike.map((x) => (
          <option key={`${x.namespace}/${x.name}`} value={`${x.namespace}/${x.name}`} />
        ))}
      </datalist>
    </>
  );
}

const tones: Record<string, [string, Tone]> = {
  removed: ['− removed', 'bad'],
  added: ['+ added', 'ok'],
  changed: ['~ changed', 'warn'],
};

type Changed = Comparison['changes'][number];

function changeOf(c: Changed, view: View, sides: [string, string]): Change {
  const key = keyOf(c.id);
  const there = c.other ? keyOf(c.other) : undefined;
  // Texts of what is live are of the first objects only.
  const texts = (c.before ?? '') !== '' || c.change === 'added';
  return {
    id: c.id,
    badge: tones[c.change] ?? [c.change, 'idle'],
    name: `${key.kind} ${key.name}`,
    title: `${key.kind}/${key.name}`,
    about: there ? `${key.namespace} → ${there.namespace}` : key.namespace,
    // A whole object is its name, until somebody wants to read it.
    folded: c.fields.length === 0,
    body:
      (view.as === 'yaml' || c.fields.length === 0) && texts ? (
        <div className="p-2">
          <YamlDiff
            before={c.before ?? ''}
            after={c.after ?? ''}
            label={`${key.kind} ${key.name}`}
            split={view.side === 'split'}
          />
        </div>
      ) : (
        <Fields of={c} label={`Fields of ${key.kind} ${key.name}`} sides={sides} />
      ),
  };
}

function Fields({ of: c, label, sides }: { of: Changed; label: string; sides: [string, string] }) {
  if (c.fields.length === 0) return <p className="px-3 py-2 text-muted">The whole object.</p>;
  const owned = c.fields.some((f) => f.manager);
  return (
    <div className="overflow-x-auto">
      <table aria-label={label} className="w-full min-w-120 text-left">
        <thead className="text-sm text-muted">
          <tr className="border-b border-line">
            {['Field', ...sides, ...(owned ? ['Live value by', 'When'] : [])].map((h) => (
              <th key={h} scope="col" className="h-7 px-2 font-normal first:pl-3">
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {c.fields.map((f) => (
            <tr key={f.path} className="border-b border-line/60 align-top last:border-0">
              <td className="mono max-w-100 px-2 py-1.5 pl-3 break-all">
                {f.path || 'the whole object'}
                {(f.class === 'ignored' || f.class === 'protected') && (
                  <span className="font-sans text-muted"> · {f.next}</span>
                )}
              </td>
              <Value of={f.live} />
              <Value of={f.git} />
              {owned && <td className="px-2 py-1.5">{f.manager || '–'}</td>}
              {owned && <td className="px-2 py-1.5 whitespace-nowrap">{f.at ? <Ago at={f.at} /> : '–'}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Value = ({ of }: { of?: string }) => (
  <td className="px-2 py-1.5">
    {of ? (
      <span className="mono line-clamp-4 max-w-80 break-all" title={of}>
        {of.replace(/^"(.*)"$/s, '$1')}
      </span>
    ) : (
      <span className="text-muted">—</span>
    )}
  </td>
);
