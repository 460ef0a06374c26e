import { QueryClientProvider } from '@tanstack/react-query';
import { Component, type ReactNode, Suspense } from 'react';
import { Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { queries } from '@/api/query';
import NotFound from '@/pages/not-found';
import { ProblemPanel } from '@/parts/problem-panel';
import { SkeletonRows } from '@/parts/skeleton';
import { ToastPlace } from '@/parts/toast';
import { type RouteEntry, routes } from '@/routes';
import { Shell } from '@/shell/shell';
import { root } from '@/url/params';

const bare = routes.filter((r) => r.bare);
const framed = routes.filter((r) => !r.bare);

/** The whole UI: what all pages need, and which page is at an address. */
export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Router base={root}>
        <Switch>
          {bare.map(pageRoute)}
          <Route>
            <Shell>
              <Switch>
                <Route path="/">
                  <Redirect to="/fleet" replace />
                </Route>
                {framed.map(pageRoute)}
                <Route component={NotFound} />
              </Switch>
            </Shell>
          </Route>
        </Switch>
        <ToastPlace />
      </Router>
    </QueryClientProvider>
  );
}

const pageRoute = ({ path, page: Page }: RouteEntry) => (
  <Route key={path} path={path}>
    {(params: Record<string, string | undefined>) => (
      <Guarded>
        <Suspense fallback={<SkeletonRows />}>
          <Page params={params} />
        </Suspense>
      </Guarded>
    )}
  </Route>
);

/** A page that fails takes nothing else with it, and another address starts anew. */
function Guarded({ children }: { children: ReactNode }) {
  const [at] = useLocation();
  return <Guard at={at}>{children}</Guard>;
}

class Guard extends Component<{ at: string; children: ReactNode }, { failed?: unknown; at?: string }> {
  override state: { failed?: unknown; at?: string } = {};

  // What did not fail stays as it is: a page with several addresses is not begun anew.
  static getDerivedStateFromProps(props: { at: string }, state: { at?: string }) {
    return props.at === state.at ? null : { at: props.at, failed: undefined };
  }

  static getDerivedStateFromError(failed: unknown) {
    return { failed };
  }

  override render() {
    if (this.state.failed === undefined) return this.props.children;
    return (
      <div className="p-6">
        <ProblemPanel of={this.state.failed} what="This page failed." onRetry={() => window.location.reload()} />
      </div>
    );
  }
}
