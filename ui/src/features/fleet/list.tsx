import type { StackRow } from '@/api/types';
import { count, short } from '@/format/count';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { HealthMark, StepMark } from '@/parts/status-mark';
import { Ago, useNow } from '@/parts/time';
import { type Column, VirtualTable } from '@/parts/virtual-table';
import { stackHref } from '@/url/hrefs';
import { flowText } from './flow';
import { keyOf } from './news';
import type { Stacks } from './use-stacks';

interface StackListProps {
  stacks: Stacks;
  columns: readonly Column<StackRow>[];
  label: string;
  sort: string;
  onSort?(sort: string): void;
  onClear(): void;
}

/** The rows of a view, with what is said when there are none, or they could not be read. */
export function StackList({ stacks, columns, label, sort, onSort, onClear }: StackListProps) {
  if (stacks.error && stacks.rows.length === 0) {
    return (
      <ProblemPanel className="m-4" of={stacks.error} what="The Stacks could not be read." onRetry={stacks.renew} />
    );
  }
  if (stacks.loading) return <SkeletonRows rows={16} label="Loading Stacks" />;
  if (stacks.rows.length === 0) {
    return (
      <Empty title="No Stack fits the filter">
        <Button onClick={onClear}>Clear the filter</Button>
      </Empty>
    );
  }
  return (
    <VirtualTable
      label={label}
      className={cx('transition-opacity', stacks.stale && 'opacity-60')}
      columns={columns}
      rows={stacks.rows}
      total={stacks.first?.matches}
      rowKey={keyOf}
      href={(row) => stackHref(row)}
      rowClass={(row) => (stacks.gone.has(keyOf(row)) ? 'opacity-45 line-through' : undefined)}
      sort={sort}
      onSort={onSort}
      onEnd={stacks.more}
      foot={<End stacks={stacks} />}
    />
  );
}

function End({ stacks }: { stacks: Stacks }) {
  const matches = stacks.first?.matches ?? 0;
  if (stacks.rows.length >= matches) return null;
  return (
    <p className="px-3 py-2 text-sm text-muted" role="status">
      {count(stacks.rows.length)} of {count(matches)}
    </p>
  );
}

function Name({ row }: { row: StackRow }) {
  return (
    <span className="mono">
      <span className="text-muted">{row.namespace}/</span>
      <span className="font-medium">{row.name}</span>
    </span>
  );
}

/** What is said of a Stack that needs somebody; otherwise what Lockstep is doing. */
function Say({ row }: { row: StackRow }) {
  const now = useNow(5000);
  const text = row.attention === 'NeedsYou' && row.message ? row.message : flowText(row.flow, now);
  return (
    <span title={text} className={row.attention === 'InStep' ? 'text-muted' : undefined}>
      {text}
    </span>
  );
}

const name: Column<StackRow> = {
  key: 'name',
  header: 'Stack',
  width: 'minmax(120px, 1.1fr)',
  sort: 'name',
  cell: (row) => <Name row={row} />,
};
const step: Column<StackRow> = {
  key: 'step',
  min: 560,
  header: 'Step',
  width: '104px',
  cell: (row) => <StepMark step={row.step} detail={row.step === 'Drifted' && row.drifted ? row.drifted : undefined} />,
};
const health: Column<StackRow> = {
  key: 'health',
  min: 560,
  header: 'Health',
  width: '116px',
  cell: (row) => <HealthMark health={row.health} />,
};
const env: Column<StackRow> = {
  key: 'env',
  header: 'Env',
  width: '76px',
  min: 1180,
  sort: 'env',
  cell: (row) => row.env ?? <Nothing />,
};
const target: Column<StackRow> = {
  key: 'target',
  header: 'Target',
  width: '120px',
  min: 920,
  sort: 'target',
  cell: (row) => row.target,
};
const owner: Column<StackRow> = {
  key: 'owner',
  header: 'Owner',
  width: '96px',
  min: 1320,
  sort: 'owner',
  cell: (row) => row.owner ?? <Nothing />,
};
const revision: Column<StackRow> = {
  key: 'revision',
  header: 'Commit',
  width: '72px',
  min: 1040,
  cell: (row) => (row.revision ? <span className="mono text-muted">{short(row.revision)}</span> : <Nothing />),
};
const changed: Column<StackRow> = {
  key: 'changed',
  header: 'Changed',
  width: '88px',
  sort: 'changed',
  end: true,
  cell: (row) => <Ago at={row.changed} className="text-muted" />,
};
const say: Column<StackRow> = {
  key: 'say',
  header: 'Now',
  width: 'minmax(140px, 2.6fr)',
  min: 640,
  cell: (row) => <Say row={row} />,
};

const Nothing = () => <span className="text-muted">–</span>;

/** Both words by their shapes, where there is no room for them. */
const state: Column<StackRow> = {
  key: 'state',
  header: 'State',
  width: '52px',
  max: 560,
  cell: (row) => (
    <>
      <HealthMark health={row.health} bare /> <StepMark step={row.step} bare />
    </>
  ),
};

export const listColumns: readonly Column<StackRow>[] = [
  name,
  state,
  health,
  step,
  say,
  env,
  target,
  owner,
  revision,
  changed,
];

/** By what changed last: the commit instead of the place. */
export const changeColumns: readonly Column<StackRow>[] = [
  { ...changed, sort: undefined, end: false, header: 'When' },
  name,
  {
    key: 'release',
    header: 'Release',
    width: '64px',
    end: true,
    cell: (row) => (row.release ? <span className="mono">{row.release}</span> : <Nothing />),
  },
  {
    key: 'subject',
    header: 'What',
    width: 'minmax(160px, 2fr)',
    min: 640,
    cell: (row) => <span title={row.subject}>{row.subject ?? row.reason}</span>,
  },
  { key: 'author', header: 'Who', width: '120px', min: 900, cell: (row) => row.author ?? <Nothing /> },
  { ...revision, min: 760 },
  state,
  health,
  step,
];
