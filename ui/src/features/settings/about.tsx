import { useQuery } from '@tanstack/react-query';
import { api, sent } from '@/api/client';
import { asProblem } from '@/api/problem';
import { Facts, Section } from '@/features/places/facts';
import { lasted } from '@/format/time';
import { useLiveState } from '@/live/use-live';
import { Cli } from '@/parts/cli';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { usePage } from '@/shell/page';
import { root } from '@/url/params';
import { readyLines } from './ready';

/** Which server this is, and whether what it needs is there. */
export default function About() {
  usePage({ crumbs: [{ label: 'Settings', href: '/settings/access' }, { label: 'About' }], cli: 'lockstep version' });
  const live = useLiveState();
  const version = useQuery({
    queryKey: ['version'],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/version', { signal })),
    refetchOnMount: 'always',
  });
  const ready = useQuery({
    queryKey: ['ready'],
    queryFn: async ({ signal }) => readyLines(await (await fetch(`${root}/readyz`, { signal })).text()),
    refetchOnMount: 'always',
    refetchInterval: 10_000,
  });
  const insights = useQuery({
    queryKey: ['insights', 30],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/insights', { params: { query: { days: 30 } }, signal })),
    refetchOnMount: 'always',
  });
  if (version.error) {
    return (
      <ProblemPanel
        of={version.error}
        what="The server does not say which one it is."
        onRetry={() => void version.refetch()}
      />
    );
  }
  if (!version.data) return <SkeletonRows rows={4} label="Loading what this server is" />;
  const said = ready.data;
  return (
    <div className="flex flex-col gap-8">
      <Section title="This server">
        <Facts
          of={[
            ['Version', version.data.version || 'of no release: built from a working copy'],
            // Of a working copy there is nothing but the sign between the two halves.
            version.data.build.length > 1 && [
              'Build',
              <span key="b" className="mono break-all">
                {version.data.build}
              </span>,
            ],
            ['API', version.data.api],
            live.heard > 0 && ['Live since', <Ago key="l" at={live.since} />],
          ]}
        />
        <div className="flex flex-col items-start gap-1.5">
          <Cli line="lockstep version" />
          <Cli line="lockstep doctor" />
        </div>
      </Section>
      <Section title="The record">
        <p className="flex flex-wrap items-center gap-2" aria-live="polite">
          {ready.error || !said ? (
            <>
              <Badge tone="idle">not known</Badge> The server does not say whether it can write its record.
            </>
          ) : said.history ? (
            <>
              <Badge tone="warn">behind</Badge> The record is {said.history}. Stacks are kept live all the same, and
              what happens follows once the store is back.
            </>
          ) : (
            <>
              <Badge tone="ok">written</Badge> What happens is on record at once.
            </>
          )}
        </p>
        {insights.data && insights.data.releases > 0 && (
          <Facts
            of={[
              ['Releases in 30 days', `${insights.data.releases}, ${insights.data.failed} of them failed`],
              insights.data.leads > 0 && [
                'From commit to healthy',
                `half within ${lasted(insights.data.leadP50Seconds * 1000)}, nine of ten within ${lasted(insights.data.leadP90Seconds * 1000)}`,
              ],
              ['Drift undone', String(insights.data.heals)],
            ]}
          />
        )}
        {insights.error && asProblem(insights.error).status !== 403 && (
          <ProblemPanel
            of={insights.error}
            what="The record could not be read."
            onRetry={() => void insights.refetch()}
          />
        )}
        <div>
          <Cli line="lockstep audit verify" />
        </div>
      </Section>
    </div>
  );
}
