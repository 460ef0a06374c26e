import { useState } from 'react';
import { lasted } from '@/format/time';
import { Button } from '@/parts/button';
import { copy } from '@/parts/copy';
import { cx } from '@/parts/cx';
import { Dialog } from '@/parts/dialog';
import { Ago, useNow } from '@/parts/time';
import type { ObjectKey } from './ids';
import { ignoreRule } from './ignore-rule';
import type { FieldState } from './types';

interface Props {
  label: string;
  object: ObjectKey;
  fields: readonly FieldState[];
}

/** Fields that are not as Git has them: what each side has, whose it is, and what happens next. */
export function FieldTable({ label, object, fields }: Props) {
  const [ignoring, ignore] = useState<FieldState>();
  return (
    <div className="overflow-x-auto">
      <table aria-label={label} className="w-full min-w-180 text-left">
        <thead className="text-sm text-muted">
          <tr className="border-b border-line">
            {['Field', 'Git wants', 'Cluster has', 'Changed by', 'When', 'Lockstep will', ''].map((h) => (
              <th key={h} scope="col" className="h-7 px-2 font-normal first:pl-3">
                {h || <span className="unseen">Ignore</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {fields.map((f) => (
            <tr key={`${f.class} ${f.path} ${f.manager}`} className="border-b border-line/60 align-top last:border-0">
              <td className="mono max-w-100 px-2 py-1.5 pl-3 break-all">{f.path || 'the whole object'}</td>
              <td className="px-2 py-1.5">
                <Value of={f.git} />
              </td>
              <td className={cx('px-2 py-1.5', f.class === 'drift' && 'text-warn')}>
                <Value of={f.live} />
              </td>
              <td className="px-2 py-1.5">
                <Owner of={f} />
              </td>
              <td className="px-2 py-1.5 whitespace-nowrap">{f.at || f.since ? <Ago at={f.at ?? f.since} /> : '–'}</td>
              <td className="px-2 py-1.5">
                <Next of={f} />
              </td>
              <td className="px-2 py-1 text-right">
                {f.class === 'drift' && f.path && (
                  <Button look="bare" aria-label={`Ignore ${f.path}…`} onClick={() => ignore(f)}>
                    Ignore…
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {ignoring && <IgnoreDialog object={object} field={ignoring} onClose={() => ignore(undefined)} />}
    </div>
  );
}

function Value({ of }: { of?: string }) {
  if (!of) return <span className="text-muted">—</span>;
  return (
    <span className="mono line-clamp-4 max-w-64 break-all" title={of}>
      {of.replace(/^"(.*)"$/s, '$1')}
    </span>
  );
}

function Owner({ of: f }: { of: FieldState }) {
  if (!f.manager) return <span className="text-muted">{f.class === 'behind' ? 'Git' : 'unknown'}</span>;
  return (
    <span title="the field manager that the cluster notes; it does not say which user">
      {f.manager}
      {f.subresource && <span className="text-muted"> · {f.subresource}</span>}
    </span>
  );
}

function Next({ of: f }: { of: FieldState }) {
  const now = useNow(1000);
  const left = f.until ? Date.parse(f.until) - now : Number.NaN;
  return (
    <span className={f.class === 'drift' ? undefined : 'text-muted'}>
      {f.next}
      {left > 0 && <span className="text-muted"> in {lasted(left)}</span>}
      {(f.healed ?? 0) > 0 && <span className="text-muted"> · healed {f.healed}×</span>}
    </span>
  );
}

function IgnoreDialog({ object, field: f, onClose }: { object: ObjectKey; field: FieldState; onClose(): void }) {
  const rule = ignoreRule(object, f);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Ignore this field"
      about="What Git does not decide is a matter for Git: commit this to the Stack. Nothing changes until then."
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button look="primary" onClick={() => void copy(rule, 'Copied the rule')}>
            Copy YAML
          </Button>
        </>
      }
    >
      <pre className="mono overflow-x-auto rounded-md bg-sunken p-3">{rule}</pre>
      <p className="mt-2 text-muted">
        It is about {object.kind} {object.name} only. Without <code className="mono">name</code> it is about every{' '}
        {object.kind} of the stack{f.manager ? `; with managers: [${f.manager}] about whatever ${f.manager} sets` : ''}.
      </p>
    </Dialog>
  );
}
