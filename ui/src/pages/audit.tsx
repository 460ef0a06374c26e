import { ChevronDown, ShieldCheck } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'wouter';
import { asProblem, Problem } from '@/api/problem';
import type { AuditEntry } from '@/api/types';
import { useCommands } from '@/commands/commands';
import { Chain } from '@/features/audit/chain';
import { EntryPanel } from '@/features/audit/entry-panel';
import { asked, auditCli, fields, type Kind, kinds, withField } from '@/features/audit/query';
import { inWords, sentenceOf, toneOf } from '@/features/audit/sentence';
import { useAudit } from '@/features/audit/use-audit';
import { NewsChip } from '@/features/fleet/news-chip';
import { FilterInput } from '@/filter/filter-input';
import { asksFor, toggle, valuesOf } from '@/filter/grammar';
import { count } from '@/format/count';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { Empty } from '@/parts/empty';
import { Menu } from '@/parts/menu';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { toneText } from '@/parts/status-mark';
import { Time } from '@/parts/time';
import { type Column, VirtualTable } from '@/parts/virtual-table';
import { usePage } from '@/shell/page';
import { stackHref } from '@/url/hrefs';
import { hrefOf, oneOf, text, useParams, whole } from '@/url/params';

const auditParams = {
  q: text(),
  follow: oneOf(['no', 'yes'], 'no'),
  entry: whole(0),
  check: oneOf(['no', 'yes'], 'no'),
};

const spans = [
  ['', 'All there is'],
  ['1h', 'The last hour'],
  ['24h', 'The last day'],
  ['7d', 'The last week'],
  ['30d', 'The last month'],
] as const;

/** What happened: a sentence for each entry of the record, newest first. */
export default function Audit() {
  const [params, set] = useParams(auditParams);
  const { q, entry } = params;
  const follow = params.follow === 'yes';
  const filter = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [atTop, setAtTop] = useState(true);
  usePage({ crumbs: [{ label: 'Audit' }], cli: `${auditCli(q, Date.now())}${follow ? ' -f' : ''}` });

  const audit = useAudit(q, follow);
  const { waiting, letIn } = audit;
  // Whoever scrolled down reads: what comes waits.
  useEffect(() => {
    if (atTop && waiting.length > 0) letIn();
  }, [atTop, waiting, letIn]);

  const setFilter = useCallback((next: string) => set({ q: next }, { replace: true }), [set]);
  const mistake = asked(q, 0).mistake;
  const problem = audit.error ? asProblem(audit.error) : undefined;
  const wrong = mistake
    ? new Problem({ status: 400, detail: mistake.what })
    : problem?.status === 400 || problem?.status === 422
      ? problem
      : undefined;
  const people = useMemo(() => [...new Set(audit.entries.map((e) => e.person.name))].sort(), [audit.entries]);
  const verbs = useMemo(() => [...new Set(audit.entries.map((e) => e.verb))].filter(Boolean).sort(), [audit.entries]);
  const stacks = useMemo(
    () => [...new Set(audit.entries.filter((e) => e.name).map((e) => `${e.namespace}/${e.name}`))].sort(),
    [audit.entries],
  );
  const values = useCallback(
    (field: string): readonly string[] =>
      ({
        kind: Object.keys(kinds),
        person: people,
        verb: verbs,
        stack: stacks,
        since: ['1h', '24h', '7d', '30d'],
        until: ['1h', '24h'],
        outcome: ['Succeeded', 'Failed', 'Denied', 'Progressing'],
      })[field] ?? [],
    [people, verbs, stacks],
  );
  const toTop = () => {
    letIn();
    box.current?.querySelector('[role="table"]')?.scrollTo({ top: 0 });
  };
  useCommands([
    { id: 'filter', label: 'Filter', group: 'This page', keys: '/', run: () => filter.current?.focus() },
    {
      id: 'audit.follow',
      label: follow ? 'Stop following' : 'Follow what happens',
      group: 'This page',
      keys: 'f',
      cli: 'lockstep audit -f',
      run: () => set({ follow: follow ? 'no' : 'yes' }, { replace: true }),
    },
    {
      id: 'audit.check',
      label: 'Check the record',
      group: 'This page',
      keys: 'c',
      cli: 'lockstep audit verify',
      run: () => set({ check: params.check === 'yes' ? 'no' : 'yes' }, { replace: true }),
    },
    {
      id: 'audit.clear',
      label: entry > 0 ? 'Close the entry' : 'Clear the filter',
      group: 'This page',
      keys: 'Escape',
      run: () => (entry > 0 ? set({ entry: 0 }) : setFilter('')),
    },
  ]);
  const since = valuesOf(q, 'since')[0] ?? '';
  const asKinds = valuesOf(q, 'kind');
  const href = useCallback((e: AuditEntry) => hrefOf('/audit', auditParams, { ...params, entry: e.seq }), [params]);

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-col gap-3 px-4 pt-4 pb-3">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <h1 className="text-xl font-semibold">What happened</h1>
          {audit.first && (
            <p className="text-muted">
              {count(audit.entries.length)}
              {audit.hasMore && '+'} {audit.entries.length === 1 ? 'entry' : 'entries'}
              {!audit.first.all && ', about Stacks that you may see'}
            </p>
          )}
          <span className="ml-auto flex gap-2">
            <Button
              aria-pressed={params.check === 'yes'}
              hint="c"
              onClick={() => set({ check: params.check === 'yes' ? 'no' : 'yes' }, { replace: true })}
            >
              <ShieldCheck size={14} aria-hidden /> Check the record
            </Button>
            <Button
              aria-pressed={follow}
              hint="f"
              onClick={() => set({ follow: follow ? 'no' : 'yes' }, { replace: true })}
            >
              <span
                aria-hidden
                className={cx('size-2 rounded-full', follow ? (atTop ? 'bg-ok' : 'bg-warn') : 'bg-edge')}
              />
              {follow ? (atTop ? 'Following' : 'Paused while you read') : 'Follow'}
            </Button>
          </span>
        </div>
        {params.check === 'yes' && <Chain onClose={() => set({ check: 'no' }, { replace: true })} />}
        <div className="flex flex-wrap items-start gap-2">
          <FilterInput
            inputRef={filter}
            value={q}
            onChange={setFilter}
            fields={fields}
            values={values}
            problem={wrong}
            placeholder="Filter: person:ana kind:login stack:payments/shop since:24h, or any text"
          />
          <Menu
            className={cx('h-8!', asKinds.length > 0 && 'bg-picked')}
            name={`Kind${asKinds.length > 0 ? `: ${asKinds.join(', ')}` : ''}`}
            label={
              <>
                Kind {asKinds.length > 0 && <span className="max-w-40 truncate font-normal">{asKinds.join(', ')}</span>}
                <ChevronDown size={12} aria-hidden />
              </>
            }
            items={[
              {
                kind: 'ticks',
                options: (Object.keys(kinds) as Kind[]).map((k) => ({
                  label: kinds[k],
                  aside: k,
                  on: asksFor(q, 'kind', k),
                  onChange: () => setFilter(toggle(q, 'kind', k)),
                })),
              },
              asKinds.length > 0 && { kind: 'line' },
              asKinds.length > 0 && { kind: 'item', label: 'Any', onClick: () => setFilter(withField(q, 'kind', '')) },
            ]}
          />
          <Menu
            className={cx('h-8!', since !== '' && 'bg-picked')}
            name={`Since: ${since || 'the beginning'}`}
            label={
              <>
                Since {since !== '' && <span className="font-normal">{since}</span>}
                <ChevronDown size={12} aria-hidden />
              </>
            }
            items={[
              {
                kind: 'choice',
                title: 'Since',
                value: since,
                onChange: (v) => setFilter(withField(q, 'since', v)),
                options: spans.map(([value, label]) => ({ value, label })),
              },
            ]}
          />
        </div>
        {audit.tailError !== undefined && follow && (
          <p role="status" className="rounded-md bg-warn-soft px-3 py-1.5 text-warn">
            What comes cannot be asked for just now: {asProblem(audit.tailError).message}. This is tried again.
          </p>
        )}
      </div>
      <div className="relative flex min-h-0 flex-1 border-t border-line">
        <NewsChip className="top-10" n={atTop ? 0 : waiting.length} onShow={toTop} />
        <div
          ref={box}
          className="flex min-h-0 min-w-0 flex-1 flex-col"
          onScrollCapture={(e) => setAtTop((e.target as Element).scrollTop < 8)}
        >
          <Rows
            audit={audit}
            wrong={wrong !== undefined}
            problem={wrong ? undefined : problem}
            href={href}
            q={q}
            onClear={() => setFilter('')}
          />
        </div>
        {entry > 0 && (
          <EntryPanel
            seq={entry}
            entry={audit.entries.find((e) => e.seq === entry)}
            onClose={() => set({ entry: 0 })}
            onFilter={(field, value) => setFilter(withField(q, field, value))}
          />
        )}
      </div>
    </div>
  );
}

interface RowsProps {
  audit: ReturnType<typeof useAudit>;
  problem: Problem | undefined;
  /** Whether the filter is the trouble. */
  wrong: boolean;
  href(e: AuditEntry): string;
  q: string;
  onClear(): void;
}

function Rows({ audit, problem, wrong, href, q, onClear }: RowsProps) {
  if (problem && audit.entries.length === 0) {
    return <ProblemPanel className="m-4" of={problem} what="The record could not be read." onRetry={audit.renew} />;
  }
  if (audit.loading) return <SkeletonRows rows={16} label="Loading the record" />;
  if (audit.entries.length === 0 && q !== '') {
    return (
      <Empty title={wrong ? 'The filter cannot be understood' : 'Nothing in the record fits the filter'}>
        <Button onClick={onClear}>Clear the filter</Button>
      </Empty>
    );
  }
  if (audit.entries.length === 0) {
    return (
      <Empty title="Nothing is recorded that you may see">
        Entries about Stacks are seen by whoever may see the Stack; all others by whoever may list auditentries, as with
        the role <span className="mono">lockstep-auditor</span>.
      </Empty>
    );
  }
  return (
    <VirtualTable
      label="Entries, newest first"
      className={cx('transition-opacity', audit.stale && 'opacity-60')}
      columns={columns}
      rows={audit.entries}
      total={audit.hasMore ? -1 : undefined}
      rowKey={(e) => String(e.seq)}
      href={href}
      onEnd={audit.more}
      foot={
        audit.hasMore ? (
          <p className="px-3 py-2 text-sm text-muted" role="status">
            More as you scroll
          </p>
        ) : undefined
      }
    />
  );
}

function Say({ e }: { e: AuditEntry }) {
  const s = sentenceOf(e);
  const stack = e.name && !(e.kind === 'call' && e.verb === 'fetch');
  return (
    <span title={inWords(e)}>
      <span className="font-medium">{s.who}</span> {s.did}{' '}
      {s.of &&
        (stack ? (
          <Link
            href={stackHref({ namespace: e.namespace ?? '', name: e.name ?? '' })}
            tabIndex={-1}
            className="mono underline decoration-line underline-offset-2 hover:decoration-text"
          >
            {s.of}
          </Link>
        ) : (
          <span className="mono">{s.of}</span>
        ))}{' '}
      {s.rest}
      {s.why && <span className="text-muted"> · {s.why}</span>}
    </span>
  );
}

const columns: readonly Column<AuditEntry>[] = [
  { key: 'time', header: 'When', width: '104px', cell: (e) => <Time at={e.time} className="text-muted" /> },
  { key: 'what', header: 'What', width: 'minmax(220px, 1fr)', cell: (e) => <Say e={e} /> },
  {
    key: 'outcome',
    header: 'Outcome',
    width: '96px',
    min: 620,
    cell: (e) => (
      <span className={toneText[toneOf(e.outcome ?? '') === 'ok' ? 'idle' : toneOf(e.outcome ?? '')]}>{e.outcome}</span>
    ),
  },
  {
    key: 'seq',
    header: 'Entry',
    width: '64px',
    min: 760,
    end: true,
    cell: (e) => <span className="mono text-muted">{e.seq}</span>,
  },
];
