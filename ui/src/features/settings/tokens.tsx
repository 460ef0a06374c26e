import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { api, sent } from '@/api/client';
import { useMe } from '@/api/me';
import { asProblem } from '@/api/problem';
import type { Token } from '@/api/types';
import { useCommands } from '@/commands/commands';
import { Section } from '@/features/places/facts';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { Segments } from '@/parts/segments';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { toast } from '@/parts/toast';
import { usePage } from '@/shell/page';
import { oneOf, useParams } from '@/url/params';
import { Table } from './field';

const NewToken = lazy(() => import('./new-token'));
const EndDialog = lazy(() => import('./end-dialog'));

const tokenParams = { of: oneOf(['me', 'all'], 'me'), new: oneOf(['no', 'yes'], 'no') };

/** Secrets of machines: which there are, when each was last used; made and revoked here. */
export default function Tokens() {
  const [params, set] = useParams(tokenParams);
  const all = params.of === 'all';
  const cli = all ? 'lockstep token list --all' : 'lockstep token list';
  usePage({ crumbs: [{ label: 'Settings', href: '/settings/access' }, { label: 'Tokens' }], cli });
  const me = useMe();
  const client = useQueryClient();
  const tokens = useQuery({
    queryKey: ['tokens', all],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/auth/tokens', { params: { query: { all } }, signal })),
    refetchOnMount: 'always',
  });
  const [ending, setEnding] = useState<Token>();
  const revoke = useMutation({
    mutationFn: (t: Token) => sent(api.DELETE('/api/v1/auth/tokens/{id}', { params: { path: { id: t.id } } })),
    onSuccess: (_, t) => {
      setEnding(undefined);
      toast(`Revoked ${t.name}`);
      void client.invalidateQueries({ queryKey: ['tokens'] });
    },
  });
  const machine = me.data?.via === 'token' || me.data?.via === 'ci';
  useCommands([
    {
      id: 'token.new',
      label: 'Make a token',
      group: 'This page',
      keys: 'n',
      cli: 'lockstep token create NAME',
      run: () => {
        if (!machine) set({ new: 'yes' });
      },
    },
  ]);
  return (
    <Section
      title="Tokens"
      aside={
        <span className="ml-auto flex flex-wrap gap-2">
          <Segments
            label="Whose"
            value={params.of}
            onChange={(of) => set({ of })}
            options={[
              { value: 'me', label: 'Mine' },
              { value: 'all', label: 'Everybody’s', hint: 'for administrators' },
            ]}
          />
          <Button
            look="primary"
            hint="n"
            disabled={machine}
            title={machine ? 'A token can make no tokens' : undefined}
            onClick={() => set({ new: 'yes' })}
          >
            <Plus size={14} aria-hidden /> Make a token
          </Button>
        </span>
      }
    >
      <p className="max-w-3xl text-muted">
        A token lets a program act as you, narrowed to its scopes, until it expires. Its secret is shown once and kept
        as a hash. For jobs of a CI exchange the job's own token instead: nothing has to be kept there.
      </p>
      {tokens.error ? (
        <ProblemPanel
          of={tokens.error}
          what={
            asProblem(tokens.error).status === 403 ? 'You may not see these tokens.' : 'The tokens could not be read.'
          }
          onRetry={() => void tokens.refetch()}
        />
      ) : !tokens.data ? (
        <SkeletonRows rows={4} label="Loading tokens" />
      ) : tokens.data.length === 0 ? (
        <Empty title={all ? 'Nobody has a token' : 'You have no token'}>
          <Cli line="lockstep token create deploy-bot --for 720h --scope reconcile:payments/shop" />
        </Empty>
      ) : (
        <Table label="Tokens" head={['Name', 'Acts as', 'Narrowed to', 'Last used', 'Expires', 'Made', 'Action']}>
          {tokens.data.map((t) => (
            <Row key={t.id} of={t} onEnd={() => setEnding(t)} />
          ))}
        </Table>
      )}
      <div>
        <Cli line={cli} />
      </div>
      <Suspense fallback={null}>
        {params.new === 'yes' && !machine && <NewToken onClose={() => set({ new: 'no' }, { replace: true })} />}
        {ending && (
          <EndDialog
            title={`Revoke ${ending.name}?`}
            about="What uses it is refused from the next request on. This cannot be undone."
            cli={`lockstep token revoke ${ending.id}`}
            verb="Revoke"
            busy={revoke.isPending}
            problem={revoke.error ?? undefined}
            onEnd={() => revoke.mutate(ending)}
            onClose={() => {
              revoke.reset();
              setEnding(undefined);
            }}
          />
        )}
      </Suspense>
    </Section>
  );
}

function Row({ of: t, onEnd }: { of: Token; onEnd(): void }) {
  const over = Date.parse(t.expires) < Date.now();
  return (
    <tr>
      <td className="min-w-28 font-medium break-words">
        {t.name}
        <span className="mono block text-sm font-normal text-muted">{t.id}</span>
      </td>
      <td className="mono min-w-32 break-all">{t.person}</td>
      <td className="min-w-32">
        {t.scopes.length === 0 ? (
          <span className="text-muted">all that its owner may</span>
        ) : (
          <span className="mono break-words">{t.scopes.join(', ')}</span>
        )}
      </td>
      <td className="whitespace-nowrap">{t.used ? <Ago at={t.used} /> : <span className="text-muted">never</span>}</td>
      <td className="whitespace-nowrap">{over ? <Badge tone="warn">expired</Badge> : <Ago at={t.expires} />}</td>
      <td className="whitespace-nowrap text-muted">
        <Ago at={t.created} />
        {t.by !== t.person && <span className="block max-w-40 truncate text-sm">by {t.by}</span>}
      </td>
      <td>
        <Button look="danger" onClick={onEnd} aria-label={`Revoke ${t.name}`}>
          Revoke
        </Button>
      </td>
    </tr>
  );
}
