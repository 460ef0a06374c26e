import type { TargetRow } from '@/api/types';
import { useTargets } from '@/features/places/data';
import { PlaceList, PlaceName } from '@/features/places/place-list';
import { StackCounts } from '@/features/places/stack-counts';
import { alarming, StateMark } from '@/features/places/state-mark';
import { latency, nameOf, targetsSentence } from '@/features/places/text';
import { Cli } from '@/parts/cli';
import { Empty } from '@/parts/empty';
import { Ago } from '@/parts/time';
import type { Column } from '@/parts/virtual-table';
import { usePage } from '@/shell/page';
import { targetHref } from '@/url/hrefs';

/** Where Stacks run: which of these places answers, how fast, and what is on it. */
export default function Targets() {
  usePage({ crumbs: [{ label: 'Targets' }], cli: 'lockstep list targets -A' });
  const targets = useTargets();
  return (
    <PlaceList
      noun="Target"
      query={targets}
      columns={columns}
      sentence={targetsSentence}
      href={targetHref}
      fields={fields}
      placeholder="Filter: state:unreachable version:v1.36*, or any text"
      empty={
        <Empty title="No Target that you may see">
          <p className="mb-3">
            A Stack that names no Target runs on the cluster that holds it. A Target is another cluster.
          </p>
          <Cli line="lockstep auth can list --as-group YOUR-GROUP" />
        </Empty>
      }
    />
  );
}

const fields: Record<string, (row: TargetRow) => string> = {
  name: (row) => row.name,
  namespace: (row) => row.namespace,
  state: (row) => row.state,
  version: (row) => row.version ?? '',
  server: (row) => row.server ?? '',
  says: (row) => row.message,
};

const columns: readonly Column<TargetRow>[] = [
  { key: 'name', header: 'Target', width: 'minmax(160px, 1fr)', cell: (row) => <PlaceName of={row} /> },
  { key: 'state', header: 'State', width: '124px', cell: (row) => <StateMark state={row.state} /> },
  {
    key: 'latency',
    header: 'Latency',
    width: '72px',
    min: 560,
    end: true,
    cell: (row) => latency(row.latency ?? undefined),
  },
  { key: 'version', header: 'Kubernetes', width: '92px', min: 720, cell: (row) => row.version || <Nothing /> },
  {
    key: 'stacks',
    header: 'Stacks',
    width: 'minmax(150px, 0.9fr)',
    cell: (row) => <StackCounts counts={row.stacks} filter={`target:${nameOf(row)}`} />,
  },
  {
    key: 'says',
    header: 'Says',
    width: 'minmax(140px, 2fr)',
    min: 820,
    cell: (row) => (
      <span title={row.message} className={alarming(row.state) ? undefined : 'text-muted'}>
        {row.message}
      </span>
    ),
  },
  {
    key: 'seen',
    header: 'Last answer',
    width: '88px',
    min: 640,
    end: true,
    cell: (row) => <Ago at={row.seen} className="text-muted" />,
  },
];

const Nothing = () => <span className="text-muted">–</span>;
