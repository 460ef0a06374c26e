import { useLocation } from 'wouter';
import { useCommands } from '@/commands/commands';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Tabs } from '@/parts/tabs';
import type { PageProps } from '@/routes';
import { usePage } from '@/shell/page';
import { stackHref } from '@/url/hrefs';
import { useStack } from './data';
import { DiffTab } from './diff-tab';
import { ObjectDrawer } from './drawer';
import { DriftPanel } from './drift-panel';
import { EventsTab } from './events-tab';
import { StackHeader } from './header';
import { readObjectPath } from './ids';
import { LogsTab } from './logs-tab';
import { ManifestTab } from './manifest-tab';
import { ResourcesTab } from './resources-tab';
import { SettingsTab } from './settings-tab';
import { TimelineTab } from './timeline-tab';

const tabs = ['resources', 'diff', 'timeline', 'logs', 'events', 'manifest', 'settings'] as const;
type Tab = (typeof tabs)[number];

const commandOf: Record<Tab, (unit: string) => string> = {
  resources: (u) => `lockstep status ${u}`,
  diff: (u) => `lockstep diff ${u} --owners`,
  timeline: (u) => `lockstep history ${u}`,
  logs: (u) => `lockstep logs ${u} -f`,
  events: (u) => `lockstep events ${u}`,
  manifest: (u) => `lockstep render ${u}`,
  settings: (u) => `lockstep status ${u} -o yaml`,
};

/** One Stack: how it stands, what of it is not as Git has it, and all that it consists of. */
export default function StackPage({ params }: PageProps) {
  const s = { namespace: params.namespace ?? '', name: params.name ?? '' };
  const unit = `${s.namespace}/${s.name}`;
  const [first = '', ...rest] = (params['*'] ?? '').split('/');
  const tab: Tab = tabs.find((t) => t === first) ?? 'resources';
  const object = tab === 'resources' && rest.length > 0 ? readObjectPath(rest.join('/')) : undefined;
  const [, navigate] = useLocation();
  const { data, error, refetch } = useStack(s);
  usePage({
    crumbs: [
      { label: 'Fleet', href: '/fleet' },
      { label: s.namespace, href: `/fleet?q=ns:${s.namespace}` },
      { label: s.name },
    ],
    cli: commandOf[tab](unit),
  });
  const go = (to: Tab) => navigate(stackHref(s, to === 'resources' ? '' : to));
  useCommands(
    (
      [
        ['resources', 'o r', 'Resources'],
        ['diff', 'd', 'Diff'],
        ['timeline', 't', 'Timeline'],
        ['logs', 'l', 'Logs'],
        ['events', 'e', 'Events'],
        ['manifest', 'm', 'Manifest'],
      ] as const
    ).map(([to, keys, label]) => ({
      id: `stack.${to}`,
      label: `${label} of ${s.name}`,
      group: 'This page' as const,
      keys,
      cli: commandOf[to](unit),
      run: () => go(to),
    })),
  );
  if (error && !data) {
    return (
      <div className="p-4">
        <h1 className="unseen">{unit}</h1>
        <ProblemPanel of={error} what={`Stack ${unit} could not be read.`} onRetry={() => void refetch()} />
      </div>
    );
  }
  if (!data) return <SkeletonRows label="Reading the stack" />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <StackHeader s={s} stack={data} />
      {tab !== 'diff' && tab !== 'logs' && (
        <DriftPanel s={s} on={(data.drift?.fields ?? 0) > 0 || data.step === 'Drifted'} />
      )}
      <div className="mt-3 flex min-h-0 flex-1 flex-col">
        <Tabs
          label="Stack"
          value={tab}
          onChange={go}
          options={[
            { value: 'resources', label: 'Resources', count: data.objects },
            { value: 'diff', label: 'Diff', count: data.drift?.objects },
            { value: 'timeline', label: 'Timeline' },
            { value: 'logs', label: 'Logs' },
            { value: 'events', label: 'Events' },
            { value: 'manifest', label: 'Manifest' },
            { value: 'settings', label: 'Settings' },
          ]}
        >
          {tab === 'resources' && <ResourcesTab s={s} />}
          {tab === 'diff' && <DiffTab s={s} />}
          {tab === 'timeline' && <TimelineTab s={s} stack={data} />}
          {tab === 'logs' && <LogsTab s={s} />}
          {tab === 'events' && <EventsTab s={s} />}
          {tab === 'manifest' && <ManifestTab s={s} />}
          {tab === 'settings' && <SettingsTab s={s} stack={data} />}
        </Tabs>
      </div>
      {object && <ObjectDrawer s={s} object={object} onClose={() => navigate(stackHref(s) + window.location.search)} />}
    </div>
  );
}
