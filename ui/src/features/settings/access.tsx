import { useQuery } from '@tanstack/react-query';
import { ArrowRight, CircleCheck, CircleSlash } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { api, exploded, sent } from '@/api/client';
import { useMe } from '@/api/me';
import { asProblem } from '@/api/problem';
import type { AccessAnswer, Grant } from '@/api/types';
import { Section } from '@/features/places/facts';
import type { operations } from '@/gen/api';
import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { usePage } from '@/shell/page';
import { list, oneOf, text, useParams } from '@/url/params';
import { Choice, Field, Table } from './field';
import { canCli, pieces, placeOf, placeWords } from './lines';

type Verb = operations['can']['parameters']['query']['verb'];

// A verb added to the API fails to compile here until somebody says what it is.
const verbs: Record<Verb, string> = {
  get: 'see one',
  list: 'see all',
  watch: 'follow changes',
  logs: 'read logs of its pods',
  reconcile: 'ask for a look now',
  pause: 'pause, and let go on',
  rollback: 'go back to an earlier release',
  approve: 'say yes to a plan that waits',
  actions: 'restart, scale, retry its objects',
  unlock: 'take a lock off its state',
  'read-state': 'read its state, secrets and all',
  'write-state': 'write or restore its state',
  create: 'make new ones',
  update: 'change the spec',
  delete: 'delete',
};
const verbNames = Object.keys(verbs) as Verb[];

const accessParams = { verb: oneOf(verbNames, 'get'), stack: text(), as: text(), groups: list() };

/** Who may do what: a question first, then what holds for you, then the roles there are. */
export default function Access() {
  const [params, set] = useParams(accessParams);
  const me = useMe();
  const cli = canCli(params);
  usePage({ crumbs: [{ label: 'Settings', href: '/settings/access' }, { label: 'Access' }], cli });
  const answer = useQuery({
    queryKey: ['can', params.verb, params.stack, params.as, params.groups.join()],
    queryFn: ({ signal }) =>
      sent(
        api.GET('/api/v1/access/can', {
          params: {
            query: {
              verb: params.verb,
              stack: params.stack || undefined,
              as: params.as || undefined,
              groups: params.as && params.groups.length > 0 ? params.groups : undefined,
            },
          },
          ...exploded,
          signal,
        }),
      ),
    // A yes is believed for ten seconds by the server, too.
    staleTime: 10_000,
    placeholderData: (before) => before,
  });
  return (
    <div className="flex flex-col gap-8">
      <Section title="What can somebody do?">
        <Ask params={params} onAsk={set} me={me.data?.name ?? ''} />
        <div aria-live="polite">
          {answer.error ? (
            <ProblemPanel
              of={answer.error}
              what={
                asProblem(answer.error).status === 403
                  ? 'You may not ask what others may do.'
                  : 'The question could not be answered.'
              }
              onRetry={() => void answer.refetch()}
            />
          ) : answer.data ? (
            <Answer of={answer.data} cli={cli} stale={answer.isPlaceholderData} />
          ) : (
            <SkeletonRows rows={3} label="Asking the cluster" />
          )}
        </div>
      </Section>
      <Mine stack={params.stack} />
      <Roles />
    </div>
  );
}

interface Params {
  verb: Verb;
  stack: string;
  as: string;
  groups: string[];
}

function Ask({ params, onAsk, me }: { params: Params; onAsk(params: Params): void; me: string }) {
  const [as, setAs] = useState(params.as);
  const [groups, setGroups] = useState(params.groups.join(', '));
  const [stack, setStack] = useState(params.stack);
  const [verb, setVerb] = useState(params.verb);
  const address = JSON.stringify(params);
  useEffect(() => {
    const now = JSON.parse(address) as Params;
    setAs(now.as);
    setGroups(now.groups.join(', '));
    setStack(now.stack);
    setVerb(now.verb);
  }, [address]);
  const place = placeOf(stack);
  return (
    <form
      className="grid gap-3 rounded-lg border border-line bg-panel p-4 md:grid-cols-[1fr_1fr_1fr_1fr_auto] md:items-start"
      onSubmit={(e) => {
        e.preventDefault();
        if (place !== undefined) onAsk({ as: as.trim(), groups: as.trim() ? pieces(groups) : [], stack: place, verb });
      }}
    >
      <Field
        label="May"
        value={as}
        onChange={(e) => setAs(e.target.value)}
        placeholder={me || 'you'}
        hint="empty is you"
      />
      <Field
        label="in groups"
        value={as.trim() ? groups : ''}
        disabled={!as.trim()}
        onChange={(e) => setGroups(e.target.value)}
        placeholder={as.trim() ? 'oidc:on-call, oidc:platform' : 'your own'}
      />
      <Choice
        label="do"
        value={verb}
        onChange={(e) => setVerb(e.target.value as Verb)}
        options={verbNames.map((v) => [v, v] as const)}
        hint={verbs[verb]}
      />
      <Field
        label="with Stack"
        value={stack}
        onChange={(e) => setStack(e.target.value)}
        placeholder="namespace/name"
        hint="empty is all, payments/* a namespace"
        wrong={place === undefined ? 'not NAMESPACE/NAME or NAMESPACE/*' : undefined}
      />
      <Button type="submit" look="primary" className="h-8! md:mt-5.5" disabled={place === undefined}>
        Ask
      </Button>
    </form>
  );
}

function Answer({ of, cli, stale }: { of: AccessAnswer; cli: string; stale: boolean }) {
  return (
    <div className={`flex flex-col gap-3 rounded-lg border border-line bg-panel p-4 ${stale ? 'opacity-60' : ''}`}>
      <p className="flex items-start gap-2 text-lg font-medium">
        {of.allowed ? (
          <CircleCheck size={18} aria-hidden className="mt-0.5 shrink-0 text-ok" />
        ) : (
          <CircleSlash size={18} aria-hidden className="mt-0.5 shrink-0 text-bad" />
        )}
        <span className="min-w-0 break-words">
          {of.allowed ? 'Yes' : 'No'}: {of.person} may {of.allowed ? '' : 'not '}
          {of.verb} {placeWords(of.stack ?? '')}
        </span>
      </p>
      {of.groups.length > 0 && <p className="text-muted">in {of.groups.join(', ')}</p>}
      {of.grants.length > 0 && (
        <ol className="flex flex-col gap-2" aria-label="The rules that allow it">
          {of.grants.map((g) => (
            <Chain key={`${g.binding} ${g.role} ${g.subject} ${g.rule} ${g.from ?? ''}`} of={g} />
          ))}
        </ol>
      )}
      {of.narrowed && <Note>{of.narrowed}</Note>}
      {of.elsewhere && (
        <Note>
          The roles and bindings do not account for this answer: another authorizer of the cluster decided, a webhook as
          a rule{of.reason ? `. It says: ${of.reason}` : '.'}
        </Note>
      )}
      {of.unread && <Note>Which rule decides cannot be said: {of.unread}</Note>}
      {of.trouble && <Note>The cluster could not look at all rules: {of.trouble}</Note>}
      {(of.dangling ?? []).length > 0 && (
        <Note>Bound to roles that do not exist: {(of.dangling ?? []).join(', ')}</Note>
      )}
      {of.hint && <p className="text-muted">{capital(of.hint)}.</p>}
      <div className="flex flex-col items-start gap-1.5">
        <Cli line={cli} />
        <Cli line={of.command} />
      </div>
    </div>
  );
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
const Note = ({ children }: { children: ReactNode }) => (
  <p className="rounded-md bg-warn-soft px-3 py-2 break-words">{children}</p>
);

/** Binding, role and rule, as one leads to the other. */
function Chain({ of }: { of: Grant }) {
  const links = [
    ['Because of', of.subject],
    ['binding', of.binding],
    ['role', of.from ? `${of.role}, from ${of.from}` : of.role],
    ['rule', of.rule],
  ] as const;
  return (
    <li className="flex flex-wrap items-stretch gap-x-2 gap-y-1 rounded-md bg-sunken px-3 py-2">
      {links.map(([what, name], i) => (
        <span key={what} className="flex items-center gap-2">
          {i > 0 && <ArrowRight size={14} aria-hidden className="shrink-0 text-muted" />}
          <span className="flex flex-col">
            <span className="text-sm text-muted">{what}</span>
            <span className="mono break-all">{name}</span>
          </span>
        </span>
      ))}
    </li>
  );
}

function Mine({ stack }: { stack: string }) {
  const mine = useQuery({
    queryKey: ['verbs', stack],
    queryFn: ({ signal }) =>
      sent(api.GET('/api/v1/access/verbs', { params: { query: { stack: stack || undefined } }, signal })),
    staleTime: 10_000,
  });
  return (
    <Section title={`What you may do with ${placeWords(stack)}`}>
      {mine.error ? (
        <ProblemPanel of={mine.error} what="Your permissions could not be read." onRetry={() => void mine.refetch()} />
      ) : mine.data ? (
        <Table label="What you may do" head={['Verb', 'Lets you', 'May you?', 'Why not']}>
          {mine.data.verbs.map((v) => (
            <tr key={v.verb}>
              <td className="mono">{v.verb}</td>
              <td className="whitespace-nowrap">{verbs[v.verb as Verb] ?? ''}</td>
              <td className="whitespace-nowrap">
                <span className="inline-flex items-center gap-1.5">
                  {v.allowed ? (
                    <CircleCheck size={14} aria-hidden className="text-ok" />
                  ) : (
                    <CircleSlash size={14} aria-hidden className="text-muted" />
                  )}
                  {v.allowed ? 'yes' : 'no'}
                </span>
              </td>
              <td className="w-full text-muted">{v.hint ?? v.reason}</td>
            </tr>
          ))}
        </Table>
      ) : (
        <SkeletonRows rows={6} label="Loading your permissions" />
      )}
    </Section>
  );
}

const roles = [
  ['lockstep-viewer', 'see Stacks, Sources and Targets, read logs', 'view, edit, admin'],
  ['lockstep-operator', 'that, and reconcile, pause, roll back, act on objects', 'edit, admin'],
  ['lockstep-approver', 'see, and approve', 'admin'],
  ['lockstep-auditor', 'see, read the record, ask what others may do', '–'],
  ['lockstep-admin', 'everything', '–'],
] as const;

function Roles() {
  return (
    <Section title="Ready-made roles">
      <p className="max-w-3xl text-muted">
        Lockstep has no permissions of its own: a role of the cluster says who may do what, for kubectl, the command
        line and this page alike. These come with the installation and are bound to nobody.
      </p>
      <Table label="Ready-made roles" head={['ClusterRole', 'May', 'Is part of', 'Bind it']}>
        {roles.map(([name, may, part]) => (
          <tr key={name}>
            <td className="mono whitespace-nowrap">{name}</td>
            <td className="min-w-48">{may}</td>
            <td className="mono whitespace-nowrap text-muted">{part}</td>
            <td>
              <Cli line={`kubectl create rolebinding NAME -n NAMESPACE --clusterrole ${name} --group GROUP`} />
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
