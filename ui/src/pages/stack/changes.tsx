import { type ReactNode, useRef, useState } from 'react';
import { useCommands } from '@/commands/commands';
import { counted } from '@/format/count';
import { Button } from '@/parts/button';
import { cx } from '@/parts/cx';
import { Segments } from '@/parts/segments';
import { Badge, type Tone } from '@/parts/status-mark';
import { oneOf, type Values } from '@/url/params';

/** How differences are looked at: fields first, text second. */
export const viewParams = {
  as: oneOf(['fields', 'yaml'], 'fields'),
  side: oneOf(['unified', 'split'], 'unified'),
};
export type View = Values<typeof viewParams>;

export function ViewChoice({ view, onChange }: { view: View; onChange(to: Partial<View>): void }) {
  return (
    <span className="ml-auto flex gap-2">
      {view.as === 'yaml' && (
        <Segments
          label="How texts are shown"
          value={view.side}
          onChange={(side) => onChange({ side })}
          options={[
            { value: 'unified', label: 'Unified' },
            { value: 'split', label: 'Split' },
          ]}
        />
      )}
      <Segments
        label="What is compared"
        value={view.as}
        onChange={(as) => onChange({ as })}
        options={[
          { value: 'fields', label: 'Fields' },
          { value: 'yaml', label: 'YAML' },
        ]}
      />
    </span>
  );
}

export interface Change {
  id: string;
  badge: [string, Tone];
  title: ReactNode;
  /** What the button that folds it is called after. */
  name: string;
  about?: string;
  origin?: string;
  /** Whether it is folded until somebody opens it. */
  folded?: boolean;
  body: ReactNode;
}

/** Objects that differ, each with its own fold; n and p go from one to the next. */
export function Changes({ of, left, children }: { of: readonly Change[]; left: number; children?: ReactNode }) {
  const [at, setAt] = useState(0);
  const [chosen, choose] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isFolded = (c: Change) => chosen.get(c.id) ?? c.folded ?? false;
  const list = useRef<HTMLDivElement>(null);
  const go = (to: number) => {
    const next = Math.max(0, Math.min(of.length - 1, to));
    setAt(next);
    list.current?.querySelectorAll<HTMLElement>('[data-object]')[next]?.scrollIntoView({ block: 'start' });
  };
  const all = of.length > 0 && of.every(isFolded);
  const foldAll = () => choose(new Map(of.map((c) => [c.id, !all])));
  const command = { group: 'This page', unlisted: true } as const;
  useCommands([
    { ...command, id: 'diff.next', label: 'Next difference', keys: 'n', run: () => go(at + 1) },
    { ...command, id: 'diff.previous', label: 'Previous difference', keys: 'p', run: () => go(at - 1) },
  ]);
  return (
    <div ref={list} className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-4 pb-4">
      {children}
      {of.length > 1 && (
        <p className="-mb-1 flex items-center text-muted">
          {counted(of.length, 'object')}
          <Button look="bare" className="ml-auto" onClick={foldAll}>
            {all ? 'Unfold all' : 'Fold all'}
          </Button>
        </p>
      )}
      {of.map((c, i) => (
        <Card
          key={c.id}
          of={c}
          current={i === at}
          open={!isFolded(c)}
          onOpen={(open) => choose((was) => new Map(was).set(c.id, !open))}
        />
      ))}
      {left > 0 && <p className="text-muted">{counted(left, 'more object')} differ and are not listed.</p>}
    </div>
  );
}

function Card({
  of: c,
  current,
  open,
  onOpen,
}: {
  of: Change;
  current: boolean;
  open: boolean;
  onOpen(open: boolean): void;
}) {
  const [word, tone] = c.badge;
  return (
    <section
      data-object={c.id}
      className={cx('shrink-0 overflow-hidden rounded-lg border bg-panel', current ? 'border-edge' : 'border-line')}
    >
      <h2 className="flex items-center gap-2 bg-sunken px-3 py-1.5">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`${open ? 'Fold' : 'Unfold'} ${c.name}`}
          className="size-6 shrink-0"
          onClick={() => onOpen(!open)}
        >
          {open ? '▾' : '▸'}
        </button>
        <Badge tone={tone}>{word}</Badge>
        <span className="min-w-0 truncate font-medium" title={c.name}>
          {c.title}
        </span>
        {c.about && (
          <span className="min-w-0 truncate text-sm text-muted" title={c.about}>
            {c.about}
          </span>
        )}
        {c.origin && (
          <span className="mono ml-auto hidden max-w-[40%] truncate text-muted md:inline" title={c.origin}>
            {c.origin}
          </span>
        )}
      </h2>
      {open && c.body}
    </section>
  );
}
