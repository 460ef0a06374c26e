import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Copy } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { api, sent } from '@/api/client';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { copy } from '@/parts/copy';
import { Dialog } from '@/parts/dialog';
import { ProblemPanel } from '@/parts/problem-panel';
import { Ago } from '@/parts/time';
import { Choice, Field } from './field';
import { pieces, tokenCli } from './lines';

const lifetimes = [
  ['24h', 'a day'],
  ['168h', 'a week'],
  ['720h', '30 days'],
  ['2160h', '90 days'],
  ['8760h', 'a year'],
] as const;

const offers = ['read', 'reconcile', 'approve', 'rollback', 'pause'];

/** Makes a token, and shows its secret this once. */
export default function NewToken({ onClose }: { onClose(): void }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState('');
  const [lives, setLives] = useState<string>('720h');
  const [machine, setMachine] = useState('');
  const [groups, setGroups] = useState('');
  const form = useId();
  const first = useRef<HTMLInputElement>(null);
  // The dialog gives the focus to its first button, and who opens it is about to type.
  useEffect(() => {
    const frame = requestAnimationFrame(() => first.current?.focus());
    return () => cancelAnimationFrame(frame);
  }, []);
  const client = useQueryClient();
  const wanted = {
    name: name.trim(),
    scopes: pieces(scopes),
    for: lives,
    machine: machine.trim(),
    groups: machine.trim() ? pieces(groups) : [],
  };
  const make = useMutation({
    mutationFn: () =>
      sent(
        api.POST('/api/v1/auth/tokens', {
          body: {
            name: wanted.name,
            for: wanted.for,
            scopes: wanted.scopes.length > 0 ? wanted.scopes : undefined,
            machine: wanted.machine || undefined,
            groups: wanted.groups.length > 0 ? wanted.groups : undefined,
          },
        }),
      ),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['tokens'] }),
    // The secret is in this answer: it goes with the dialog.
    gcTime: 0,
  });
  const made = make.data;
  if (made) {
    return (
      <Dialog
        open
        onOpenChange={onClose}
        title={`The token ${made.name}`}
        about="Copy it now: it is shown this once and never again."
        actions={
          <Button look="primary" onClick={onClose}>
            I have it
          </Button>
        }
      >
        <div className="flex flex-col gap-3">
          <div className="flex items-center gap-2 rounded-md border border-edge bg-sunken p-2">
            <code className="mono min-w-0 flex-1 break-all select-all" data-secret>
              {made.secret}
            </code>
            {/* Not shown in a toast: it would be on screen for longer than asked for. */}
            <Button onClick={() => void navigator.clipboard?.writeText(made.secret).catch(() => copy(made.secret))}>
              <Copy size={14} aria-hidden /> Copy
            </Button>
          </div>
          <p className="text-muted">
            It acts as <span className="mono">{made.person}</span>
            {made.scopes.length > 0 && (
              <>
                , narrowed to <span className="mono">{made.scopes.join(', ')}</span>
              </>
            )}
            , and expires <Ago at={made.expires} />.
          </p>
          <div className="flex flex-col items-start gap-1.5">
            <Cli line={`LOCKSTEP_SERVER=${window.location.origin} LOCKSTEP_TOKEN=… lockstep auth whoami`} />
          </div>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Make a token"
      about="It can do what you may, narrowed to its scopes."
      actions={
        <>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" form={form} look="primary" disabled={make.isPending || wanted.name === ''}>
            Make it
          </Button>
        </>
      }
    >
      <form
        id={form}
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          if (wanted.name !== '') make.mutate();
        }}
      >
        <div className="grid gap-4 sm:grid-cols-[1fr_10rem]">
          <Field
            label="What it is for"
            ref={first}
            value={name}
            maxLength={80}
            required
            placeholder="deploy-bot"
            onChange={(e) => setName(e.target.value)}
          />
          <Choice label="Lives for" value={lives} onChange={(e) => setLives(e.target.value)} options={lifetimes} />
        </div>
        <Field
          label="Scopes"
          value={scopes}
          placeholder="reconcile:payments/shop read:payments"
          hint="VERB, VERB:NAMESPACE or VERB:NAMESPACE/NAME, with blanks between; none is all that you may"
          onChange={(e) => setScopes(e.target.value)}
        />
        <div className="-mt-2 flex flex-wrap gap-1">
          {offers.map((o) => (
            <Button key={o} look="bare" onClick={() => setScopes((s) => [...pieces(s), o].join(' '))}>
              + {o}
            </Button>
          ))}
        </div>
        <details>
          <summary className="min-h-6 text-muted">For a machine of its own, instead of you</summary>
          <div className="mt-2 grid gap-4 sm:grid-cols-2">
            <Field
              label="Machine"
              value={machine}
              placeholder="deploy-bot"
              hint="for administrators"
              onChange={(e) => setMachine(e.target.value)}
            />
            <Field
              label="Its groups"
              value={groups}
              disabled={!machine.trim()}
              placeholder="ci:deployers"
              onChange={(e) => setGroups(e.target.value)}
            />
          </div>
        </details>
        {make.error && <ProblemPanel of={make.error} what="The token was not made." />}
        <div>
          <Cli line={tokenCli(wanted)} />
        </div>
      </form>
    </Dialog>
  );
}
