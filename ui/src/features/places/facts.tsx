import type { ReactNode } from 'react';
import { cx } from '@/parts/cx';
import { Ago } from '@/parts/time';

/** What is known, by name; what is not there is left out. */
export function Facts({ of }: { of: readonly ([name: string, value: ReactNode] | false | undefined)[] }) {
  const facts = of.filter((f): f is [string, ReactNode] => Boolean(f));
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] items-baseline gap-x-6 gap-y-1.5">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A part of a page with a heading. */
export function Section({
  title,
  aside,
  children,
  className,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={cx('flex flex-col gap-3', className)}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="text-lg font-semibold">{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

export const Labels = ({ of }: { of: Record<string, string> }) => (
  <span className="flex flex-wrap gap-1">
    {Object.entries(of)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([k, v]) => (
        <span key={k} className="mono rounded bg-sunken px-1.5 break-all">
          {k}
          {v && `=${v}`}
        </span>
      ))}
  </span>
);

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  since: string;
}

/** Conditions as the API of Kubernetes has them, for those who compare. */
export function Conditions({ of }: { of: readonly Condition[] }) {
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table className="w-full text-left">
        <thead className="text-sm text-muted">
          <tr className="border-b border-line">
            {['Condition', 'Status', 'Reason', 'Since'].map((h) => (
              <th key={h} scope="col" className="px-3 py-1.5 font-normal">
                {h}
              </th>
            ))}
            <th scope="col" className="w-full px-3 py-1.5 font-normal">
              Message
            </th>
          </tr>
        </thead>
        <tbody>
          {of.map((c) => (
            <tr key={c.type} className="border-b border-line/70 align-top last:border-0">
              <td className="px-3 py-1.5 font-medium">{c.type}</td>
              <td className="px-3 py-1.5">{c.status}</td>
              <td className="px-3 py-1.5 whitespace-nowrap">{c.reason}</td>
              <td className="px-3 py-1.5">
                <Ago at={c.since} className="text-muted" />
              </td>
              <td className="min-w-48 px-3 py-1.5 break-words whitespace-pre-line">{c.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is wrong, in the words of whoever knows. */
export function Trouble({ reason, message }: { reason: string; message: string }) {
  return (
    <div role="status" className="rounded-lg bg-bad-soft px-4 py-3">
      <p className="font-medium text-bad">{reason}</p>
      <p className="break-words whitespace-pre-line">{message}</p>
    </div>
  );
}
