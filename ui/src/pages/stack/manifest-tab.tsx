import { useInfiniteQuery } from '@tanstack/react-query';
import { api, sent } from '@/api/client';
import { short } from '@/format/count';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { copy } from '@/parts/copy';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { text, useParams } from '@/url/params';
import { stackKey } from './data';
import type { StackName } from './types';
import { Yaml } from './yaml';

const schema = { revision: text() };

/** What Git renders to, values of Secrets masked. */
export function ManifestTab({ s }: { s: StackName }) {
  const [{ revision }] = useParams(schema);
  const q = useInfiniteQuery({
    queryKey: stackKey(s, 'manifest', revision),
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      sent(
        api.GET('/api/v1/stacks/{namespace}/{name}/manifest', {
          params: {
            path: { namespace: s.namespace, name: s.name },
            query: { cursor: pageParam || undefined, revision: revision || undefined, limit: 100 },
          },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next,
  });
  if (q.error && !q.data)
    return (
      <ProblemPanel className="m-4" of={q.error} what="It could not be rendered." onRetry={() => void q.refetch()} />
    );
  if (!q.data) return <SkeletonRows label="Rendering" />;
  const objects = q.data.pages.flatMap((p) => p.objects);
  const whole = objects.map((o) => `# ${o.origin || o.id}\n${o.yaml}`).join('---\n');
  const first = q.data.pages[0]!;
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2 px-4 py-2">
      <div className="flex flex-wrap items-center gap-3">
        <span>
          {objects.length} of {first.total} objects at <span className="mono">{short(first.revision)}</span>
        </span>
        {q.hasNextPage && (
          <Button disabled={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
            Load more
          </Button>
        )}
        <Button look="bare" onClick={() => void copy(whole, 'Copied the manifest')}>
          Copy
        </Button>
        <Cli line={`lockstep render ${s.namespace}/${s.name}`} className="ml-auto" />
      </div>
      {objects.length === 0 ? <Empty title="Nothing is rendered" /> : <Yaml text={whole} label="Rendered manifest" />}
    </div>
  );
}
