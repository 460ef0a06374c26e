import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { Ago } from '@/parts/time';
import { oneOf, useParams } from '@/url/params';
import { follow } from './follow';
import { keyOf, objectHref } from './ids';
import type { ClusterEvent, StackName } from './types';

const schema = { type: oneOf(['all', 'warning'], 'all') };

/** What the cluster says of the objects, as it says it. */
export function EventsTab({ s }: { s: StackName }) {
  const [{ type }, set] = useParams(schema);
  const [events, setEvents] = useState<ClusterEvent[]>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    setEvents(undefined);
    return follow(`/api/v1/stacks/${encodeURIComponent(s.namespace)}/${encodeURIComponent(s.name)}/events/stream`, {
      open: () => setProblem(undefined),
      event: (e) => {
        if (e.type === 'problem') setProblem(JSON.parse(e.data));
        if (e.type !== 'events') return;
        const fresh = JSON.parse(e.data) as ClusterEvent[];
        setEvents((old = []) => {
          const all = new Map(old.map((x) => [x.id, x]));
          for (const x of fresh) all.set(x.id, x);
          return [...all.values()].sort((a, b) => b.last.localeCompare(a.last)).slice(0, 500);
        });
      },
      failed: setProblem,
    });
  }, [s.namespace, s.name]);
  if (problem !== undefined && !events)
    return <ProblemPanel className="m-4" of={problem} what="The events could not be read." />;
  if (!events) return null;
  const shown = type === 'warning' ? events.filter((e) => e.type === 'Warning') : events;
  return (
    <div className="min-h-0 flex-1 overflow-auto px-4 py-2">
      <Segments
        label="Which events"
        value={type}
        onChange={(v) => set({ type: v })}
        options={[
          { value: 'all', label: 'All' },
          { value: 'warning', label: 'Warnings' },
        ]}
      />
      {shown.length === 0 ? (
        <Empty title="No events">
          The cluster keeps events for an hour as a rule. New ones appear here as they come.
        </Empty>
      ) : (
        <EventTable events={shown} s={s} />
      )}
    </div>
  );
}

export function EventTable({ events, s }: { events: readonly ClusterEvent[]; s?: StackName }) {
  return (
    <table aria-label="Events" className="mt-1 w-full text-left">
      <thead className="text-sm text-muted">
        <tr className="border-b border-line">
          {['Last', 'Reason', ...(s ? ['Object'] : []), 'Message'].map((h) => (
            <th key={h} scope="col" className="h-7 pr-3 font-normal">
              {h}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {events.map((e) => (
          <tr key={e.id} className="border-b border-line/60 align-top last:border-0">
            <td className="py-1 pr-3 whitespace-nowrap text-muted">
              <Ago at={e.last} />
              {e.count > 1 && ` · ${e.count}×`}
            </td>
            <td className={`py-1 pr-3 ${e.type === 'Warning' ? 'text-warn' : ''}`}>
              {e.type === 'Warning' && <span className="unseen">Warning: </span>}
              {e.reason}
            </td>
            {s && (
              <td className="py-1 pr-3">
                <Link href={objectHref(s, keyOf(e.object))} className="break-all hover:underline">
                  {keyOf(e.object).kind}/{keyOf(e.object).name}
                </Link>
              </td>
            )}
            <td className="py-1 break-words">{e.message}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
