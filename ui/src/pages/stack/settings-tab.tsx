import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { lasted } from '@/format/time';
import { Cli } from '@/parts/cli';
import { HealthMark, StepMark } from '@/parts/status-mark';
import { stackHref } from '@/url/hrefs';
import { Section } from './drawer';
import type { StackDetail, StackName } from './types';

/** What the Stack is set to. It is changed in Git, not here. */
export function SettingsTab({ s, stack }: { s: StackName; stack: StackDetail }) {
  const p = stack.policy;
  return (
    <div className="grid min-h-0 flex-1 auto-rows-min gap-x-8 gap-y-5 overflow-y-auto px-4 py-3 md:grid-cols-2">
      <Section title="What is kept live">
        <Facts
          of={[
            ['Source', `${stack.source}`],
            [
              'Path',
              <span key="p" className="mono">
                {stack.path}
              </span>,
            ],
            ['Renderer', stack.driver],
            ['Target', stack.target || 'the cluster that holds the stack'],
            ['Namespace', stack.targetNamespace],
            ['Service account', stack.serviceAccount || 'the target’s own credential'],
            ['Kinds', stack.kinds.join(', ') || '–'],
          ]}
        />
      </Section>
      <Section title="How changes are carried out">
        <Facts
          of={[
            ['Mode', p.mode === 'auto' ? 'every change at once' : 'when somebody reconciles'],
            ['Drift', { heal: 'is undone', report: 'is reported only', ignore: 'is ignored' }[p.drift] ?? p.drift],
            ['Prune', p.prune ? 'what leaves Git is deleted' : 'what leaves Git stays'],
            ['On deletion', p.deletion],
            ['Timeout', `${lasted(p.timeout * 1000)} to become healthy`],
            ['Interval', `${lasted(p.interval * 1000)} between checks`],
          ]}
        />
      </Section>
      {(stack.dependsOn.length > 0 || stack.dependants.length > 0) && (
        <Section title="Depends on, and is depended on by">
          <ul>
            {[...stack.dependsOn, ...stack.dependants].map((d, i) => (
              <li key={`${d.namespace}/${d.name}`} className="flex items-center gap-3 py-0.5">
                <span className="w-16 text-muted">{i < stack.dependsOn.length ? 'before' : 'after'}</span>
                <Link href={stackHref(d)} className="hover:underline">
                  {d.namespace}/{d.name}
                </Link>
                <HealthMark health={d.health} />
                <StepMark step={d.step} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {stack.inputs.length > 0 && (
        <Section title="Reads besides its path">
          <ul>
            {stack.inputs.map((i) => (
              <li key={`${i.kind} ${i.name} ${i.key}`} className="py-0.5">
                {i.kind} <span className="mono">{i.name}</span> <span className="text-muted">for {i.for}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Conditions" className="md:col-span-2">
        <Facts
          of={stack.conditions.map((c) => [
            `${c.type} ${c.status === 'True' ? '✓' : c.status === 'False' ? '✕' : '?'}`,
            `${c.reason}: ${c.message}`,
          ])}
        />
      </Section>
      <Section title="As it is written" className="md:col-span-2">
        <Cli line={`kubectl get stacks.lockstep.dev ${s.name} -n ${s.namespace} -o yaml`} />
      </Section>
    </div>
  );
}

function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1">
      {of.map(([k, v]) => (
        <div key={k} className="contents">
          <dt className="text-muted">{k}</dt>
          <dd className="min-w-0 break-words">{v}</dd>
        </div>
      ))}
    </dl>
  );
}
