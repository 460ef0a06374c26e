import { asProblem } from '@/api/problem';
import { useTarget } from '@/features/places/data';
import { Conditions, Facts, Labels, Section, Trouble } from '@/features/places/facts';
import { StackFigures } from '@/features/places/stack-counts';
import { StacksHere } from '@/features/places/stacks-here';
import { alarming, StateMark } from '@/features/places/state-mark';
import { latency, nameOf } from '@/features/places/text';
import { count } from '@/format/count';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Ago } from '@/parts/time';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';

const ways = {
  inCluster: 'by the access that Lockstep itself has',
  kubeconfig: 'by a kubeconfig of a Secret',
  token: 'by address and token',
  exec: 'by a program that fetches credentials',
} as const;

/** One place where Stacks run. */
export default function Target({ params }: PageProps) {
  const at = { namespace: params.namespace === '-' ? '' : (params.namespace ?? ''), name: params.name ?? '' };
  const name = nameOf(at);
  usePage({
    crumbs: [{ label: 'Targets', href: '/targets' }, { label: name }],
    cli: at.namespace
      ? `kubectl describe targets.lockstep.dev ${at.name} -n ${at.namespace}`
      : `lockstep list stacks -A`,
  });
  const { data: target, error, refetch } = useTarget(at);
  if (error && (!target || asProblem(error).status === 404)) {
    return (
      <>
        <h1 className="unseen">{name}</h1>
        <ProblemPanel
          className="m-4"
          of={error}
          what={`The Target ${name} cannot be shown.`}
          onRetry={() => void refetch()}
        />
      </>
    );
  }
  if (!target) return <SkeletonRows rows={8} label="Loading the Target" />;
  const filter = `target:${name}`;
  return (
    <div className="flex w-full max-w-6xl flex-col gap-6 px-4 py-4">
      <header className="flex flex-col gap-3">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <h1 className="mono text-xl! font-semibold">{name}</h1>
          <StateMark state={target.state} />
          {target.since && (
            <span className="text-muted">
              since <Ago at={target.since} />
            </span>
          )}
          {target.latency !== undefined && <span className="text-muted">answers in {latency(target.latency)}</span>}
        </div>
        {alarming(target.state) ? (
          <Trouble reason={target.reason} message={target.message} />
        ) : (
          <p className="max-w-3xl text-muted">{target.message}</p>
        )}
      </header>
      <Section title="Stacks">
        <StackFigures counts={target.stacks} filter={filter} />
        <StacksHere filter={filter} />
      </Section>
      <Section title="Connection">
        <Facts
          of={[
            Boolean(target.server) && [
              'Server',
              <span key="s" className="mono break-all">
                {target.server}
              </span>,
            ],
            Boolean(target.version) && ['Kubernetes', target.version],
            ['Reached', ways[target.way] ?? target.way],
            target.seen !== undefined && ['Last answer', <Ago key="a" at={target.seen} />],
            target.latency !== undefined && ['Latency', latency(target.latency)],
            [
              'Watches',
              target.watches === 0
                ? 'none are open: this server looks after no Stack on it'
                : `${count(target.watches)} open, over ${count(target.objects)} objects`,
            ],
            [
              'Namespaces',
              target.namespaces.length === 0 ? 'all that its credentials reach' : target.namespaces.join(', '),
            ],
            target.created !== undefined && ['Created', <Ago key="c" at={target.created} />],
            Object.keys(target.labels).length > 0 && ['Labels', <Labels key="l" of={target.labels} />],
          ]}
        />
      </Section>
      {target.conditions.length > 0 && (
        <Section title="Conditions">
          <Conditions of={target.conditions} />
        </Section>
      )}
    </div>
  );
}
