import { useQuery } from '@tanstack/react-query';
import { api, sent } from '@/api/client';
import { useMe } from '@/api/me';
import { Facts, Section } from '@/features/places/facts';
import { Cli } from '@/parts/cli';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { Badge } from '@/parts/status-mark';
import { usePage } from '@/shell/page';
import { root } from '@/url/params';
import { Table } from './field';

const proofs: Record<string, string> = {
  session: 'a session of a browser or a terminal',
  token: 'a token',
  ci: "a CI job's token",
  link: 'a link that signs in once',
};

/** How people sign in. */
export default function Sso() {
  usePage({
    crumbs: [{ label: 'Settings', href: '/settings/access' }, { label: 'Sign-in' }],
    cli: 'lockstep auth status',
  });
  const me = useMe();
  const ways = useQuery({
    queryKey: ['providers'],
    queryFn: ({ signal }) => sent(api.GET('/api/v1/auth/providers', { signal })),
    refetchOnMount: 'always',
  });
  if (ways.error) {
    return (
      <ProblemPanel of={ways.error} what="How one may sign in could not be read." onRetry={() => void ways.refetch()} />
    );
  }
  if (!ways.data) return <SkeletonRows rows={4} label="Loading how one may sign in" />;
  const { providers, link } = ways.data;
  return (
    <div className="flex flex-col gap-8">
      <Section title="Identity providers">
        {providers.length === 0 ? (
          <div className="flex flex-col gap-3">
            <p className="max-w-3xl">
              None is set up{link ? ': people get in by a link that signs in once, as the local administrator' : ''}.
              Put the configuration into the Secret <span className="mono">lockstep-sign-in</span> beside the server; it
              is read anew when it changes.
            </p>
            <pre className="mono max-w-3xl rounded bg-sunken p-3 leading-relaxed break-words whitespace-pre-wrap">{`# sign-in.yaml
providers:
- name: corp
  title: Our sign-in
  issuer: https://id.example.org/
  clientID: lockstep
  clientSecret: {key: corp}
  claims: {user: email, groups: groups, display: name}
  prefix: {user: "oidc:", groups: "oidc:"}`}</pre>
            <Facts
              of={[
                [
                  'Redirect address',
                  <span key="r" className="mono break-all">
                    {window.location.origin}
                    {root}/auth/callback/corp
                  </span>,
                ],
              ]}
            />
            <div>
              <Cli line="kubectl create secret generic lockstep-sign-in -n lockstep-system --from-file sign-in.yaml --from-file corp=client-secret" />
            </div>
          </div>
        ) : (
          <Table label="Identity providers" head={['Provider', 'Name', 'Redirect address to register there', 'Try it']}>
            {providers.map((p) => (
              <tr key={p.name}>
                <td className="font-medium whitespace-nowrap">{p.title}</td>
                <td className="mono">{p.name}</td>
                <td className="mono w-full break-all text-muted">
                  {window.location.origin}
                  {root}/auth/callback/{p.name}
                </td>
                <td className="whitespace-nowrap">
                  {/* The server's own page: a whole load, not a route of this one. */}
                  <a
                    href={`${root}${p.start}&return=${encodeURIComponent(`${root}/settings/sso`)}`}
                    className="text-accent hover:underline"
                  >
                    Sign in again
                  </a>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      <Section title="Links that sign in once">
        <p className="flex max-w-3xl flex-wrap items-center gap-2">
          <Badge tone={link ? 'info' : 'idle'}>{link ? 'taken' : 'turned off'}</Badge>
          {link ? (
            <span className="min-w-0 flex-1">
              Whoever holds the kubeconfig of the server can make one. It signs in the local administrator, once, within
              15 minutes; <span className="mono whitespace-nowrap">--local-admin=false</span> turns it off.
            </span>
          ) : (
            'No link signs in the local administrator.'
          )}
        </p>
        {link && (
          <div>
            <Cli line={`lockstep auth link --server ${window.location.origin}${root}`} />
          </div>
        )}
      </Section>
      {me.data && (
        <Section title="You">
          <Facts
            of={[
              ['Name', <Mono key="n" of={me.data.name} />],
              ['Groups', me.data.groups.length > 0 ? <Mono key="g" of={me.data.groups.join(', ')} /> : 'none'],
              ['Proved by', proofs[me.data.via] ?? me.data.via],
              (me.data.scopes ?? []).length > 0 && [
                'Narrowed to',
                <Mono key="s" of={(me.data.scopes ?? []).join(', ')} />,
              ],
            ]}
          />
          <div>
            <Cli line="lockstep auth whoami" />
          </div>
        </Section>
      )}
    </div>
  );
}

const Mono = ({ of }: { of: string }) => <span className="mono break-all">{of}</span>;
