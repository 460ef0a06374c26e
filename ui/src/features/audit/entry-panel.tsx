import { X } from 'lucide-react';
import { Link } from 'wouter';
import type { AuditEntry } from '@/api/types';
import { Facts } from '@/features/places/facts';
import { fullTime } from '@/format/time';
import { Button, IconButton } from '@/parts/button';
import { copy } from '@/parts/copy';
import { releaseHref, stackHref } from '@/url/hrefs';
import { kinds } from './query';
import { inWords, personOf } from './sentence';

/** All that one entry says, and its place in the chain. */
export function EntryPanel({
  entry,
  seq,
  onClose,
  onFilter,
}: {
  entry: AuditEntry | undefined;
  seq: number;
  onClose(): void;
  onFilter(field: string, value: string): void;
}) {
  return (
    <aside
      aria-label={`Entry ${seq}`}
      className="flex w-104 max-w-full shrink-0 flex-col overflow-y-auto border-l border-line bg-panel max-lg:absolute max-lg:inset-y-0 max-lg:right-0 max-lg:z-20 max-lg:shadow-float"
    >
      <header className="flex items-center gap-2 px-4 pt-3">
        <h2 className="flex-1 text-lg font-semibold">Entry {seq}</h2>
        <IconButton label="Close" onClick={onClose}>
          <X size={16} aria-hidden />
        </IconButton>
      </header>
      {entry ? (
        <Body e={entry} onFilter={onFilter} />
      ) : (
        <p className="px-4 py-3 text-muted">
          It is not among the entries that are here. Scroll further down, or take the filter away.
        </p>
      )}
    </aside>
  );
}

function Body({ e, onFilter }: { e: AuditEntry; onFilter(field: string, value: string): void }) {
  const only = (field: string, value: string, label: string) => (
    <button
      type="button"
      title={`Only entries with ${field}:${value}`}
      onClick={() => onFilter(field, value)}
      className="min-h-6 text-left break-all underline decoration-line underline-offset-2 hover:decoration-text"
    >
      {label}
    </button>
  );
  const number = e.kind === 'release' || e.kind === 'heal' ? e.data.number : undefined;
  return (
    <div className="flex flex-col gap-4 px-4 py-3">
      <p className="break-words">{inWords(e)}</p>
      <Facts
        of={[
          [
            'When',
            <time key="t" dateTime={e.time}>
              {fullTime(Date.parse(e.time))}
            </time>,
          ],
          ['Kind', only('kind', e.kind, kinds[e.kind] ?? e.kind)],
          ['Who', only('person', e.person.name, personOf(e))],
          Boolean(e.person.via) && ['Proved by', e.person.via],
          Boolean(e.verb) && ['Verb', only('verb', e.verb, e.verb)],
          Boolean(e.outcome) && ['Outcome', only('outcome', e.outcome ?? '', e.outcome ?? '')],
          Boolean(e.name) && [
            'Stack',
            <span key="s" className="flex flex-wrap gap-x-3">
              {e.kind === 'call' && e.verb === 'fetch' ? (
                `${e.namespace}/${e.name}`
              ) : (
                <Link
                  href={stackHref({ namespace: e.namespace ?? '', name: e.name ?? '' })}
                  className="text-accent hover:underline"
                >
                  {e.namespace}/{e.name}
                </Link>
              )}
              {only('stack', `${e.namespace}/${e.name}`, 'only this')}
            </span>,
          ],
          typeof number === 'number' &&
            number > 0 &&
            Boolean(e.name) && [
              'Release',
              <Link
                key="r"
                href={releaseHref({ namespace: e.namespace ?? '', name: e.name ?? '' }, number)}
                className="text-accent hover:underline"
              >
                {number}
              </Link>,
            ],
          Boolean(e.reason) && ['Why', e.reason],
          Boolean(e.request) && ['Request', only('request', e.request ?? '', e.request ?? '')],
          [
            'Hash',
            <span key="h" className="mono break-all text-muted">
              {e.hash}
            </span>,
          ],
        ]}
      />
      {Object.keys(e.data).length > 0 && (
        <div className="flex flex-col gap-2">
          <h3 className="font-medium">Details</h3>
          <pre className="mono rounded bg-sunken p-3 leading-relaxed break-all whitespace-pre-wrap">
            {JSON.stringify(e.data, null, 2)}
          </pre>
        </div>
      )}
      <div>
        <Button onClick={() => void copy(JSON.stringify(e, null, 2), 'Copied the entry')}>Copy as JSON</Button>
      </div>
    </div>
  );
}
