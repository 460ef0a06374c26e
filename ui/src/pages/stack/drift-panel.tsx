import { Link } from 'wouter';
import { counted } from '@/format/count';
import { Button } from '@/parts/button';
import { stackHref } from '@/url/hrefs';
import { useDiff, useVerbs } from './data';
import { FieldTable } from './fields';
import { useReconcile } from './header';
import { keyOf, objectHref } from './ids';
import type { StackName } from './types';

/** What somebody else has changed, above everything: whose, since when, and what becomes of it. */
export function DriftPanel({ s, on }: { s: StackName; on: boolean }) {
  const { data } = useDiff(s, on);
  const { busy, run } = useReconcile(s);
  const verbs = useVerbs(s);
  const drifted = (data?.objects ?? []).filter((o) => o.fields.some((f) => f.class === 'drift'));
  // What was read before stays in memory when nothing is off any more.
  if (!on || drifted.length === 0) return null;
  const shown = drifted.slice(0, 3);
  // Where drift is only reported, a pass would leave it as well.
  const reverts = drifted.some((o) => o.fields.some((f) => f.class === 'drift' && !f.next.startsWith('leave')));
  return (
    <section aria-label="Drift" className="mx-4 mt-3 overflow-hidden rounded-lg border border-line bg-panel">
      {shown.map((o) => (
        <div key={o.id} className="border-b border-line">
          <h2 className="flex items-baseline gap-2 bg-sunken px-3 py-1.5">
            <Link href={objectHref(s, keyOf(o.id))} className="font-medium hover:underline">
              {o.kind}/{o.name}
            </Link>
            <span className="truncate text-sm text-muted">{o.reason}</span>
          </h2>
          <FieldTable
            label={`Fields of ${o.kind} ${o.name}`}
            object={keyOf(o.id)}
            fields={o.fields.filter((f) => f.class === 'drift').slice(0, 8)}
          />
        </div>
      ))}
      <div className="flex flex-wrap items-center gap-2 px-3 py-2">
        {reverts && (
          <Button
            disabled={busy || (verbs && !verbs.reconcile?.allowed)}
            title={verbs?.reconcile?.reason || `lockstep reconcile ${s.namespace}/${s.name}`}
            onClick={() => void run()}
          >
            Revert now
          </Button>
        )}
        <Link href={stackHref(s, 'diff')} className="text-muted hover:text-text hover:underline">
          {drifted.length > shown.length
            ? `${counted(drifted.length, 'object')} drifted: see all`
            : 'See the whole diff'}
        </Link>
      </div>
    </section>
  );
}
