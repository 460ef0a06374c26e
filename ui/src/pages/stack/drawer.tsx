import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { Button, buttonClass } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { copy } from '@/parts/copy';
import { cx } from '@/parts/cx';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { HealthMark } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { stackHref } from '@/url/hrefs';
import { ActionMenu } from './actions';
import { useObject } from './data';
import { EventTable } from './events-tab';
import { FieldTable } from './fields';
import { idOf, keyOf, type ObjectKey, objectHref } from './ids';
import { stepWords } from './resources-tab';
import type { ObjectDetail, StackName } from './types';
import { Yaml, YamlDiff } from './yaml';

/** All of one object, beside the list that it was chosen from; its address is its own. */
export function ObjectDrawer({ s, object, onClose }: { s: StackName; object: ObjectKey; onClose(): void }) {
  const { data, error, refetch } = useObject(s, object);
  return (
    <Base.Root open onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/20" />
        <Base.Popup className="fixed inset-y-0 right-0 z-50 flex w-[min(860px,100vw)] flex-col border-l border-line bg-raised shadow-float outline-none">
          <header className="flex items-start gap-3 border-b border-line px-4 py-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="truncate text-lg font-semibold">{object.name}</Base.Title>
              <p className="flex flex-wrap items-center gap-x-3 text-muted">
                <span>
                  {object.kind}
                  {object.group && ` · ${object.group}`}
                </span>
                {object.namespace && <span>in {object.namespace}</span>}
                {data && <HealthMark health={data.resource.health} />}
                {data && <span>{stepWords[data.resource.step] ?? data.resource.step}</span>}
              </p>
            </div>
            {data && <ActionMenu stack={s} resource={data.resource} actions={data.actions} />}
            <Button look="bare" onClick={() => void copy(window.location.href, 'Copied the link')}>
              Copy link
            </Button>
            <Base.Close className={buttonClass('bare', 'w-7 px-0!')} aria-label="Close">
              <X size={16} aria-hidden />
            </Base.Close>
          </header>
          <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto p-4">
            {error && !data && (
              <ProblemPanel of={error} what="The object could not be read." onRetry={() => void refetch()} />
            )}
            {!data && !error && <SkeletonRows rows={6} label="Reading the object" />}
            {data && <Body s={s} o={data} object={object} />}
          </div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

type View = 'diff' | 'live' | 'git';

function Body({ s, o, object }: { s: StackName; o: ObjectDetail; object: ObjectKey }) {
  const [view, setView] = useState<View>(o.fields.length > 0 && o.desired ? 'diff' : 'live');
  const differing = o.fields.filter((f) => f.class !== 'other');
  const others = o.fields.filter((f) => f.class === 'other');
  const r = o.resource;
  return (
    <>
      {r.message && <p className="break-words">{r.message}</p>}
      {o.notes.map((n) => (
        <p key={n} className="rounded-md bg-warn-soft px-3 py-1.5 break-words text-warn">
          {n}
        </p>
      ))}
      {o.chain.length > 0 && (
        <p className="text-muted">
          Made of{' '}
          {o.chain.map((id, i) => (
            <span key={id}>
              {i > 0 && ' ← '}
              <Link href={objectHref(s, keyOf(id), window.location.search)} className="text-text hover:underline">
                {keyOf(id).kind}/{keyOf(id).name}
              </Link>
            </span>
          ))}
        </p>
      )}
      {differing.length > 0 && (
        <Section title="Not as Git has it">
          <FieldTable label="Fields that are not as Git has them" object={object} fields={differing} />
        </Section>
      )}
      {others.length > 0 && (
        <details className="rounded-lg border border-line">
          <summary className="px-3 py-1.5">{others.length} more set by others, which Git does not ask for</summary>
          <FieldTable label="Fields that others set" object={object} fields={others} />
        </details>
      )}
      <Section
        title="Manifest"
        side={
          <Segments
            label="Which manifest"
            value={view}
            onChange={setView}
            options={[
              ...(o.desired && o.live ? [{ value: 'diff' as const, label: 'Git ↔ live' }] : []),
              ...(o.live ? [{ value: 'live' as const, label: 'Live' }] : []),
              ...(o.desired ? [{ value: 'git' as const, label: 'Git' }] : []),
            ]}
          />
        }
      >
        {view === 'diff' && o.desired && o.live && (
          <YamlDiff before={o.desired} after={o.asked ?? o.live} label="From Git to live" split={false} />
        )}
        {view === 'live' &&
          (o.live ? (
            <Yaml text={o.live} label="Live manifest" />
          ) : (
            <p className="p-3 text-muted">It is not on the target.</p>
          ))}
        {view === 'git' && o.desired && <Yaml text={o.desired} label="Manifest as Git has it" />}
        {o.origin && <p className="mono mt-1 text-muted">{o.origin}</p>}
      </Section>
      {o.made.length > 0 && (
        <Section title={`Made of it (${o.made.length})`}>
          <ul className="flex flex-col">
            {o.made.slice(0, 100).map((m) => (
              <li key={m.id} className="flex items-center gap-2 border-b border-line/60 py-1 last:border-0">
                <HealthMark health={m.health} bare />
                <Link href={objectHref(s, m, window.location.search)} className="min-w-0 truncate hover:underline">
                  {m.kind}/{m.name}
                </Link>
                <span className="ml-auto shrink-0 text-sm text-muted">{m.message || m.note}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {hasLogs(o) && (
        <p>
          <Link href={stackHref(s, `logs?object=${encodeURIComponent(r.id)}`)} className="text-accent hover:underline">
            Follow its logs
          </Link>
        </p>
      )}
      {o.events.length > 0 && (
        <Section title={`Events (${o.events.length})`}>
          <EventTable events={o.events} />
        </Section>
      )}
      <Section title="Who set its fields">
        <ul>
          {o.managers.map((m) => (
            <li key={`${m.name} ${m.operation} ${m.subresource} ${m.at}`} className="flex gap-2 py-0.5">
              <span>{m.name}</span>
              <span className="text-muted">
                {m.operation}
                {m.subresource && ` · ${m.subresource}`}
              </span>
              <span className="ml-auto text-muted">{m.at && <Ago at={m.at} />}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Cli
        line={`kubectl get ${object.kind.toLowerCase()}${object.group ? `.${object.group}` : ''} ${object.name}${object.namespace ? ` -n ${object.namespace}` : ''} -o yaml`}
      />
      <span className="unseen">{idOf(object)}</span>
    </>
  );
}

const hasLogs = (o: ObjectDetail) =>
  o.resource.kind === 'Pod' || o.made.some((m) => m.kind === 'Pod' && m.group === '');

export function Section({
  title,
  side,
  className,
  children,
}: {
  title: string;
  side?: React.ReactNode;
  className?: string;
  children: React.ReactNode;
}) {
  return (
    <section className={cx('min-w-0', className)}>
      <div className="mb-1 flex min-h-7 items-center justify-between gap-2">
        <h2 className="font-medium">{title}</h2>
        {side}
      </div>
      {children}
    </section>
  );
}
