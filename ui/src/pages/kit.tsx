import { useState } from 'react';
import { Problem } from '@/api/problem';
import { Button, Kbd } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { Empty } from '@/parts/empty';
import { Menu } from '@/parts/menu';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge, HealthMark, healths, StepMark, steps } from '@/parts/status-mark';
import { Tabs } from '@/parts/tabs';
import { Ago, Lasted, Time } from '@/parts/time';
import { toast, toastProblem } from '@/parts/toast';
import { Tooltip } from '@/parts/tooltip';
import { usePage } from '@/shell/page';

const started = Date.now();
const sample = new Problem({
  status: 409,
  title: 'Conflict',
  detail: 'Stack "payments/shop": the plan moved while it was being approved',
  hint: 'read the new plan, then approve its digest',
});

/** Every part once, to look at while building; only in development. */
export default function Kit() {
  usePage({ crumbs: [{ label: 'Kit' }], cli: 'lockstep list stacks step:drifted' });
  const [open, setOpen] = useState(false);
  const [tab, setTab] = useState<'a' | 'b'>('a');
  return (
    <div className="grid gap-6 p-6">
      <p className="flex flex-wrap gap-4">
        {healths.map((h) => (
          <HealthMark key={h} health={h} />
        ))}
      </p>
      <p className="flex flex-wrap gap-4">
        {steps.map((s) => (
          <StepMark key={s} step={s} detail={s === 'Drifted' ? '3 fields' : undefined} />
        ))}
      </p>
      <p className="flex gap-2">
        {(['ok', 'info', 'warn', 'bad', 'idle'] as const).map((t) => (
          <Badge key={t} tone={t}>
            {t}
          </Badge>
        ))}
      </p>
      <p className="flex flex-wrap gap-2">
        <Button look="primary" onClick={() => toast('Paused payments/shop', { undo: () => toast('Resumed') })}>
          Primary
        </Button>
        <Button hint="r">Reconcile now</Button>
        <Button look="danger" onClick={() => toastProblem(sample)}>
          Roll back…
        </Button>
        <Button look="bare" onClick={() => setOpen(true)}>
          Dialog
        </Button>
        <Button disabled>Disabled</Button>
        <Tooltip text="More words">
          <Button>Tooltip</Button>
        </Tooltip>
        <Menu label="Menu" items={[{ kind: 'item', label: 'An item', hint: 'e', onClick: () => toast('Chosen') }]} />
        <Kbd>g</Kbd>
      </p>
      <p className="flex gap-4">
        <Ago at={started - 95_000} /> <Time at={started} /> <Lasted from={started} /> <Lasted from={0} to={187_000} />
      </p>
      <Cli line='lockstep list stacks "step:drifted -health:healthy"' />
      <ProblemPanel of={sample} onRetry={() => toast('Tried again')} />
      <Segments
        label="View"
        value={tab}
        onChange={setTab}
        options={[
          { value: 'a', label: 'List' },
          { value: 'b', label: 'Map' },
        ]}
      />
      <div className="flex h-32">
        <Tabs
          label="Sample"
          value={tab}
          onChange={setTab}
          options={[
            { value: 'a', label: 'Resources', count: 312 },
            { value: 'b', label: 'Diff' },
          ]}
        >
          <p className="p-3">Panel {tab}</p>
        </Tabs>
      </div>
      <SkeletonRows rows={3} />
      <Empty title="Nothing waits for you">Approvals that you may give show up here.</Empty>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title="Roll back to 38"
        about="Computed against live, 0.8 s ago"
        actions={<Button look="primary">Roll back</Button>}
      >
        <p>Body</p>
      </Dialog>
    </div>
  );
}
