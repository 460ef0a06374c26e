import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { api, sent } from '@/api/client';
import { signOut } from '@/api/me';
import type { Session } from '@/api/types';
import { Section } from '@/features/places/facts';
import { counted } from '@/format/count';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Empty } from '@/parts/empty';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import { Ago } from '@/parts/time';
import { toast, toastProblem } from '@/parts/toast';
import { usePage } from '@/shell/page';
import { Table } from './field';
import { clientName } from './lines';

const EndDialog = lazy(() => import('./end-dialog'));

/** Browsers and terminals that are signed in as you. */
export default function Sessions() {
  usePage({
    crumbs: [{ label: 'Settings', href: '/settings/access' }, { label: 'Sessions' }],
    cli: 'lockstep auth sessions',
  });
  const client = useQueryClient();
  const [everywhere, setEverywhere] = useState(false);
  const sessions = useQuery({
    queryKey: ['sessions'],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/auth/sessions', { signal })),
    refetchOnMount: 'always',
  });
  const end = useMutation({
    mutationFn: (s: Session) => sent(api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id: s.id } } })),
    onSuccess: (_, s) => {
      toast('Signed out', { about: clientName(s.client) });
      void client.invalidateQueries({ queryKey: ['sessions'] });
    },
    onError: toastProblem,
  });
  const endAll = useMutation({
    mutationFn: () => sent(api.DELETE('/api/v1/auth/sessions', {})),
    onSuccess: () => window.location.reload(),
  });
  return (
    <Section
      title="Where you are signed in"
      aside={
        <span className="ml-auto">
          <Button look="danger" onClick={() => setEverywhere(true)}>
            Sign out everywhere
          </Button>
        </span>
      }
    >
      {sessions.error ? (
        <ProblemPanel
          of={sessions.error}
          what="Your sessions could not be read."
          onRetry={() => void sessions.refetch()}
        />
      ) : !sessions.data ? (
        <SkeletonRows rows={3} label="Loading your sessions" />
      ) : sessions.data.length === 0 ? (
        <Empty title="No session">You came here by a token, which is no session.</Empty>
      ) : (
        <>
          <p className="text-muted">{counted(sessions.data.length, 'session')}; times are to the minute.</p>
          <Table label="Your sessions" head={['Where', 'Kind', 'Address', 'Signed in', 'Last seen', 'Action']}>
            {sessions.data.map((s) => (
              <tr key={s.id}>
                <td className="w-full min-w-40 break-words" title={s.client}>
                  <span className="font-medium">{clientName(s.client)}</span>{' '}
                  {s.present && <Badge tone="ok">this one</Badge>}
                </td>
                <td className="whitespace-nowrap">{s.kind === 'cli' ? 'terminal' : s.kind}</td>
                <td className="mono">{s.address}</td>
                <td>
                  <Ago at={s.created} />
                </td>
                <td>
                  <Ago at={s.seen} />
                </td>
                <td>
                  <Button
                    disabled={end.isPending}
                    onClick={() => (s.present ? void signOut() : end.mutate(s))}
                    aria-label={`Sign out ${clientName(s.client)}${s.present ? ', this one' : ''}`}
                    title={s.present ? 'lockstep logout' : `lockstep auth sessions --end ${s.id}`}
                  >
                    Sign out
                  </Button>
                </td>
              </tr>
            ))}
          </Table>
        </>
      )}
      <div className="flex flex-col items-start gap-1.5">
        <Cli line="lockstep auth sessions" />
        <Cli line="lockstep auth sessions --end ID" />
      </div>
      <Suspense fallback={null}>
        {everywhere && (
          <EndDialog
            title="Sign out everywhere?"
            about="All your sessions end, this one as well, and all your tokens are revoked. This cannot be undone."
            verb="Sign out everywhere"
            busy={endAll.isPending}
            problem={endAll.error ?? undefined}
            onEnd={() => endAll.mutate()}
            onClose={() => setEverywhere(false)}
          />
        )}
      </Suspense>
    </Section>
  );
}
