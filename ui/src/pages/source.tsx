import { RefreshCw } from 'lucide-react';
import { asProblem } from '@/api/problem';
import { useCommands } from '@/commands/commands';
import { useFetchNow, useSource } from '@/features/places/data';
import { Conditions, Facts, Labels, Section, Trouble } from '@/features/places/facts';
import { StackFigures } from '@/features/places/stack-counts';
import { StacksHere } from '@/features/places/stacks-here';
import { alarming, StateMark } from '@/features/places/state-mark';
import { commitHref, nameOf } from '@/features/places/text';
import { short } from '@/format/count';
import { lasted } from '@/format/time';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Ago } from '@/parts/time';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { root } from '@/url/params';

/** One repository that desired state is pulled from. */
export default function Source({ params }: PageProps) {
  const at = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const name = nameOf(at);
  usePage({
    crumbs: [{ label: 'Sources', href: '/sources' }, { label: name }],
    cli: `kubectl describe sources.lockstep.dev ${at.name} -n ${at.namespace}`,
  });
  const { data: source, error, refetch } = useSource(at);
  const fetchNow = useFetchNow(at);
  const cli = `kubectl annotate sources.lockstep.dev ${at.name} -n ${at.namespace} lockstep.dev/reconcile-at="$(date -Ins)" --overwrite`;
  const busy = fetchNow.isPending || source?.request !== undefined;
  useCommands([
    {
      id: 'source.fetch',
      label: 'Fetch now',
      group: 'This page',
      keys: 'r',
      cli,
      run: () => {
        if (source && !busy) fetchNow.mutate();
      },
    },
  ]);
  if (error && (!source || asProblem(error).status === 404)) {
    return (
      <>
        <h1 className="unseen">{name}</h1>
        <ProblemPanel
          className="m-4"
          of={error}
          what={`The Source ${name} cannot be shown.`}
          onRetry={() => void refetch()}
        />
      </>
    );
  }
  if (!source) return <SkeletonRows rows={8} label="Loading the Source" />;
  const filter = `source:${name}`;
  const commit = commitHref(source.url, source.revision);
  return (
    <div className="flex w-full max-w-6xl flex-col gap-6 px-4 py-4">
      <header className="flex flex-col gap-3">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <h1 className="mono text-xl! font-semibold">{name}</h1>
          <StateMark state={source.state} />
          <span className="text-muted">
            since <Ago at={source.since} />
          </span>
          <span className="ml-auto flex items-center gap-3" aria-live="polite">
            {source.request && (
              <span className="text-muted">
                {/* By the API a time; by hand anything. */}
                asked for{' '}
                {Number.isNaN(Date.parse(source.request.value)) ? 'a look' : <Ago at={source.request.value} />}
              </span>
            )}
            <Button hint="r" onClick={() => fetchNow.mutate()} aria-disabled={busy} title={cli}>
              <RefreshCw size={14} aria-hidden className={busy ? 'spin' : undefined} /> Fetch now
            </Button>
          </span>
        </div>
        {fetchNow.isError && <ProblemPanel of={fetchNow.error} what="The Source was not asked to look." />}
        {alarming(source.state) ? (
          <Trouble reason={source.reason} message={source.message} />
        ) : (
          source.state !== 'Ready' && <p className="max-w-3xl text-muted">{source.message}</p>
        )}
        {source.revision && (
          <p className="flex flex-wrap items-baseline gap-x-2">
            <span className="mono rounded bg-sunken px-1.5">{source.shortRevision || short(source.revision)}</span>
            <span className="font-medium">{source.subject}</span>
            {source.author && <span className="text-muted">by {source.author}</span>}
            {commit && (
              <a href={commit} target="_blank" rel="noreferrer" className="text-accent hover:underline">
                open the commit
              </a>
            )}
          </p>
        )}
      </header>
      <Section title="Stacks">
        <StackFigures counts={source.stacks} filter={filter} />
        <StacksHere filter={filter} />
      </Section>
      <Section title="Where and when">
        <Facts
          of={[
            [
              'From',
              <span key="u" className="mono break-all">
                {source.url}
              </span>,
            ],
            ['Follows', source.ref],
            [
              'Newest commit',
              source.revision ? (
                <span key="r" className="mono break-all">
                  {source.revision}
                </span>
              ) : (
                'not known yet'
              ),
            ],
            [
              'Looks',
              `every ${lasted(source.interval * 1000)}${source.webhook ? ', and when the host says that something was pushed' : ''}`,
            ],
            Boolean(source.hookPath) && [
              'Webhook',
              <span key="h" className="mono break-all">
                {window.location.origin}
                {root}
                {source.hookPath}
              </span>,
            ],
            Boolean(source.secret) && [
              'Credential',
              <span key="c">
                Secret <span className="mono">{source.secret}</span>
              </span>,
            ],
            source.submodules && ['Submodules', 'read, too'],
            source.lfs && ['Large files', 'fetched, too'],
            ['Created', <Ago key="a" at={source.created} />],
            Object.keys(source.labels).length > 0 && ['Labels', <Labels key="l" of={source.labels} />],
          ]}
        />
      </Section>
      {source.conditions.length > 0 && (
        <Section title="Conditions">
          <Conditions of={source.conditions} />
        </Section>
      )}
      <Section title="The same from a terminal">
        <div className="flex flex-col items-start gap-1.5">
          <Cli line={cli} />
          <Cli line={`lockstep list sources -n ${at.namespace}`} />
        </div>
      </Section>
    </div>
  );
}
