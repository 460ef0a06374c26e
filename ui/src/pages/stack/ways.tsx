import { useId } from 'react';
import { counted, short } from '@/format/count';
import type { components } from '@/gen/api';
import { Badge } from '@/parts/status-mark';
import type { As } from './guard';

type Way = components['schemas']['RollbackWay'];
type InGit = components['schemas']['GitRollback'];

const words = {
  hold: { name: 'Hold it for a time', about: () => 'Git stays ahead; when the time is over, what Git says goes live.' },
  commit: { name: 'Commit to Git', about: (b) => `What the stack reads, as it was then, on ${b}.` },
  branch: {
    name: 'Commit to a new branch',
    about: (b) => `The same on ${b}…, for a pull request. Nothing changes before it is merged.`,
  },
} satisfies Record<As, { name: string; about(branch: string): string }>;

/** The ways to go back; one that cannot be gone says why, instead of not being there. */
export function Ways({ ways, value, onChange }: { ways: readonly Way[]; value: As; onChange(as: As): void }) {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-sm text-muted">How</legend>
      <div className="flex flex-col gap-1">
        {ways.map((w) => (
          <label key={w.as} className="flex min-h-6 items-baseline gap-1.5">
            <input
              type="radio"
              name={name}
              checked={w.as === value}
              disabled={w.why !== undefined}
              onChange={() => onChange(w.as)}
            />
            <span className="min-w-0 break-words">
              <span className={w.why === undefined ? 'font-medium' : 'text-muted'}>{words[w.as].name}</span>{' '}
              <span className="text-sm text-muted">
                {w.why === undefined ? words[w.as].about(w.branch ?? '') : [w.why, w.hint].filter(Boolean).join('; ')}
              </span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

const tone = { create: 'ok', update: 'warn', delete: 'bad' } as const;

/** What would be written to Git, and who else reads it. */
export function InGitBox({ git, as }: { git: InGit; as: As }) {
  const others = git.others.length + git.hidden;
  return (
    <section className="rounded-lg border border-line px-3 py-2">
      <h3 className="mb-1 font-medium">
        Will write {counted(git.files.length + git.left, 'file')}{' '}
        <span className="font-normal text-muted">
          on <span className="mono break-all">{as === 'branch' ? `${git.branch}…` : git.branch}</span>, after{' '}
          <span className="mono">{short(git.onto)}</span>
        </span>
      </h3>
      <ul className="max-h-40 overflow-y-auto">
        {git.files.map((f) => (
          <li key={f.path} className="flex items-center gap-2 py-0.5">
            <Badge tone={tone[f.verb]}>{f.verb}</Badge>
            <span className="mono min-w-0 break-all">{f.path}</span>
          </li>
        ))}
        {git.left > 0 && <li className="text-muted">and {counted(git.left, 'more file')}</li>}
      </ul>
      {others > 0 && (
        <div className="mt-2 border-t border-line pt-2 text-warn">
          <p>{counted(others, 'other stack')} would change, too:</p>
          <ul className="max-h-32 overflow-y-auto">
            {git.others.map((o) => (
              <li key={`${o.namespace}/${o.name}`} className="mono break-all">
                {o.namespace}/{o.name}
              </li>
            ))}
            {git.hidden > 0 && <li>{git.hidden} that you may not see</li>}
          </ul>
        </div>
      )}
      {git.unknown > 0 && <p className="mt-1 text-muted">Of {counted(git.unknown, 'stack')} it is not known.</p>}
    </section>
  );
}
