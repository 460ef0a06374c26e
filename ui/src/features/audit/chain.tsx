import { useQuery } from '@tanstack/react-query';
import { CircleAlert, Copy, ShieldCheck, X } from 'lucide-react';
import { useId, useState } from 'react';
import { api, sent } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { AuditVerdict } from '@/api/types';
import { count, counted } from '@/format/count';
import { Button, IconButton } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { copy } from '@/parts/copy';
import { ProblemPanel } from '@/parts/problem-panel';
import { Ago } from '@/parts/time';

/** Whether the record is as it was written: each entry carries the hash of the one before. */
export function Chain({ onClose }: { onClose(): void }) {
  const [typed, setTyped] = useState('');
  const [head, setHead] = useState('');
  const field = useId();
  const check = useQuery({
    queryKey: ['audit verify', head],
    queryFn: ({ signal }) =>
      sent(api.GET('/api/v1/audit/verify', { params: { query: { head: head || undefined } }, signal })),
    // The whole chain is read: only when somebody asks.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return (
    <section aria-label="Is the record as it was written?" className="rounded-lg border border-line bg-panel p-4">
      <div className="flex items-start gap-3">
        <div aria-live="polite" className="min-w-0 flex-1">
          {check.isFetching && <p className="breathe text-muted">Reading the whole chain …</p>}
          {!check.isFetching && check.data && <Verdict of={check.data} at={check.dataUpdatedAt} />}
        </div>
        <IconButton label="Close the check" onClick={onClose}>
          <X size={16} aria-hidden />
        </IconButton>
      </div>
      {!check.isFetching && check.error && (
        <ProblemPanel
          of={check.error}
          what={
            asProblem(check.error).status === 403
              ? 'You may not have the record checked.'
              : 'The record could not be checked.'
          }
          onRetry={() => void check.refetch()}
        />
      )}
      <form
        className="mt-3 flex flex-wrap items-end gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          if (typed.trim() === head) void check.refetch();
          else setHead(typed.trim());
        }}
      >
        <label htmlFor={field} className="flex min-w-0 flex-1 flex-col gap-1">
          <span className="text-sm text-muted">
            A head that was kept elsewhere finds what was cut off or written anew
          </span>
          <input
            id={field}
            value={typed}
            onChange={(e) => setTyped(e.target.value)}
            placeholder="SEQ:HASH"
            spellCheck={false}
            autoComplete="off"
            className="mono h-8 w-full rounded-md border border-edge bg-bg px-2"
          />
        </label>
        <Button type="submit" className="h-8!" disabled={check.isFetching}>
          Check again
        </Button>
      </form>
      <Cli className="mt-3" line={head ? `lockstep audit verify --head ${head}` : 'lockstep audit verify'} />
    </section>
  );
}

function Verdict({ of, at }: { of: AuditVerdict; at: number }) {
  return (
    <div className="flex flex-col gap-2">
      <p className="flex items-start gap-2 text-lg font-medium">
        {of.ok ? (
          <ShieldCheck size={18} aria-hidden className="mt-0.5 shrink-0 text-ok" />
        ) : (
          <CircleAlert size={18} aria-hidden className="mt-0.5 shrink-0 text-bad" />
        )}
        {of.ok
          ? `${counted(of.entries, 'entry', 'entries')} and ${counted(of.releases, 'release')} are as they were recorded`
          : `${counted(of.flaws.length + (of.more ?? 0), 'thing')} in the record ${of.flaws.length + (of.more ?? 0) === 1 ? 'is' : 'are'} not as recorded`}
      </p>
      <p className="text-muted">
        Checked <Ago at={at} />
        {of.removed > 0 && `. ${counted(of.removed, 'entry', 'entries')} went by retention, and a checkpoint says so`}.
      </p>
      {of.flaws.length > 0 && (
        <ul className="flex flex-col gap-1 rounded-md bg-bad-soft px-3 py-2">
          {of.flaws.map((f) => (
            <li key={`${f.kind} ${f.from} ${f.to} ${f.what}`}>
              <span className="font-medium text-bad">{f.kind}</span>{' '}
              <span className="mono">{f.from === f.to ? f.from : `${f.from}–${f.to}`}</span> {f.what}
            </li>
          ))}
          {(of.more ?? 0) > 0 && <li className="text-muted">and {count(of.more ?? 0)} more</li>}
        </ul>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <span className="text-muted">Head</span>
        <button
          type="button"
          title="Copy the head, to keep it elsewhere"
          onClick={() => void copy(of.head, 'Copied the head')}
          className="mono inline-flex min-h-6 max-w-full items-center gap-2 rounded bg-sunken px-2 text-left break-all"
        >
          {of.head}
          <Copy size={12} aria-hidden className="shrink-0 opacity-60" />
        </button>
      </div>
    </div>
  );
}
