import { Link } from 'wouter';
import { listColumns, StackList } from '@/features/fleet/list';
import { fleetHref } from '@/features/fleet/params';
import { useStacks } from '@/features/fleet/use-stacks';
import { count } from '@/format/count';

const shown = 20;
const columns = listColumns.filter((c) => ['name', 'health', 'step', 'say', 'changed'].includes(c.key));

/** The Stacks of a place that need somebody first; all of them are the fleet's to show. */
export function StacksHere({ filter }: { filter: string }) {
  const stacks = useStacks(filter, 'worst', shown);
  const matches = stacks.first?.matches ?? 0;
  if (stacks.first && matches === 0) return <p className="text-muted">None that you may see.</p>;
  const height = Math.min(Math.max(stacks.rows.length, 1), 10) * 32 + 34;
  return (
    <div className="flex flex-col overflow-hidden rounded-lg border border-line bg-panel">
      <div className="flex flex-col" style={{ height: stacks.rows.length > 0 ? height : undefined }}>
        <StackList
          stacks={{ ...stacks, more: () => {} }}
          columns={columns}
          label="Stacks here"
          sort="worst"
          onClear={() => {}}
        />
      </div>
      {matches > stacks.rows.length && (
        <Link href={fleetHref({ q: filter })} className="border-t border-line px-3 py-2 text-accent hover:underline">
          All {count(matches)} in the fleet
        </Link>
      )}
    </div>
  );
}
