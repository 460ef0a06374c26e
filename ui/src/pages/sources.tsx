import type { SourceRow } from '@/api/types';
import { useSources } from '@/features/places/data';
import { PlaceList, PlaceName } from '@/features/places/place-list';
import { StackCounts } from '@/features/places/stack-counts';
import { alarming, StateMark } from '@/features/places/state-mark';
import { nameOf, sourcesSentence } from '@/features/places/text';
import { short } from '@/format/count';
import { Cli } from '@/parts/cli';
import { Empty } from '@/parts/empty';
import { Ago } from '@/parts/time';
import type { Column } from '@/parts/virtual-table';
import { usePage } from '@/shell/page';
import { sourceHref } from '@/url/hrefs';

/** Where desired state is pulled from: whether it can be, and which commit is known. */
export default function Sources() {
  usePage({ crumbs: [{ label: 'Sources' }], cli: 'lockstep list sources -A' });
  const sources = useSources();
  return (
    <PlaceList
      noun="Source"
      query={sources}
      columns={columns}
      sentence={sourcesSentence}
      href={sourceHref}
      fields={fields}
      placeholder="Filter: state:failing author:ana, or any text"
      empty={
        <Empty title="No Source that you may see">
          <p className="mb-3">A Source is a repository that desired state is pulled from.</p>
          <Cli line="kubectl explain sources.lockstep.dev.spec" />
        </Empty>
      }
    />
  );
}

const fields: Record<string, (row: SourceRow) => string> = {
  name: (row) => row.name,
  namespace: (row) => row.namespace,
  state: (row) => row.state,
  url: (row) => row.url,
  author: (row) => row.author ?? '',
  revision: (row) => row.revision ?? '',
  subject: (row) => row.subject ?? '',
  says: (row) => row.message,
};

const columns: readonly Column<SourceRow>[] = [
  { key: 'name', header: 'Source', width: 'minmax(160px, 1fr)', cell: (row) => <PlaceName of={row} /> },
  { key: 'state', header: 'State', width: '104px', cell: (row) => <StateMark state={row.state} /> },
  {
    key: 'revision',
    header: 'Commit',
    width: '76px',
    min: 560,
    cell: (row) => (row.revision ? <span className="mono text-muted">{short(row.revision)}</span> : <Nothing />),
  },
  {
    key: 'says',
    header: 'What',
    width: 'minmax(160px, 2fr)',
    min: 640,
    cell: (row) =>
      alarming(row.state) ? (
        <span title={row.message}>{row.message}</span>
      ) : (
        <span title={row.subject}>{row.subject || <span className="text-muted">{row.message}</span>}</span>
      ),
  },
  { key: 'author', header: 'Who', width: '120px', min: 1000, cell: (row) => row.author || <Nothing /> },
  {
    key: 'stacks',
    header: 'Stacks',
    width: 'minmax(150px, 0.9fr)',
    cell: (row) => <StackCounts counts={row.stacks} filter={`source:${nameOf(row)}`} />,
  },
  {
    key: 'url',
    header: 'From',
    width: 'minmax(140px, 1.4fr)',
    min: 1180,
    cell: (row) => (
      <span title={`${row.url}, ${row.ref}`} className="text-muted">
        {row.url}
      </span>
    ),
  },
  {
    key: 'since',
    header: 'So since',
    width: '88px',
    min: 720,
    end: true,
    cell: (row) => <Ago at={row.since} className="text-muted" />,
  },
];

const Nothing = () => <span className="text-muted">–</span>;
