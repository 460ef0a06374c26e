import { ButtonLink } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { Logo } from '@/shell/rail';

/**
 * Signing in is a page of the server's own; who sees this one has a server that has
 * none, or came here from within.
 */
export default function Login() {
  return (
    <main className="flex h-full flex-col items-center justify-center">
      <Logo size={40} />
      <Empty page title="This server has no sign-in" className="py-6!">
        <p className="mb-4">
          It asks who you are and offers no way to say so. Whoever runs it can set up an identity provider, or make a
          link that signs in once: <span className="mono">lockstep auth link</span>
        </p>
        <ButtonLink to="/fleet">Try again</ButtonLink>
      </Empty>
    </main>
  );
}
