import { readFileSync } from 'node:fs';
import { type BrowserContext, test as base, expect, type Page } from '@playwright/test';

/** Where the Go test set things up. */
export const here: { server: string; remote: string; [more: string]: string } = JSON.parse(
  process.env.LOCKSTEP_BROWSER ?? '{}',
);

/** Has the Go test do something from outside of the page. */
export async function remote(deed: string, args: Record<string, string> = {}): Promise<Record<string, string>> {
  const answer = await fetch(`${here.remote}/${deed}`, { method: 'POST', body: JSON.stringify(args) });
  if (!answer.ok) throw new Error(`${deed}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, string>;
}

export interface Watch {
  /** What no page may do; each is a sentence. */
  faults: string[];
  /** Errors of the console that a test expects: a refusal is one. */
  expected: RegExp[];
}

/**
 * Notes what no page of ours may do: break its own content policy, ask another origin
 * for anything, or report an error.
 */
export async function watch(context: BrowserContext, at: Watch | (() => Watch)) {
  const note = (fault: string) => (typeof at === 'function' ? at() : at).faults.push(fault);
  const ours = new URL(here.server).origin;
  await context.exposeBinding('lockstepViolation', ({ page }, what: string) => {
    if (page.url().startsWith(ours)) note(`content policy: ${what}`);
  });
  // Runs before the page's scripts and is not subject to its policy, which so stays as
  // strict as it is served.
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      (window as unknown as { lockstepViolation(what: string): void }).lockstepViolation(
        `${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber}`,
      );
    });
  });
  context.on('request', (request) => {
    const frame = request.isNavigationRequest() ? undefined : request.frame().url();
    if (frame?.startsWith(ours) && !/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== ours)
      note(`request to another origin: ${request.url()}`);
  });
  context.on('console', (message) => {
    const at = message.page()?.url() ?? '';
    // Who is not signed in is told so by an answer, which the console takes for an error.
    const told = /status of 401/.test(message.text());
    if (message.type() === 'error' && at.startsWith(ours) && !told) note(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => note(`script: ${error.error().stack ?? error.error().message}`));
}

export const test = base.extend<{ watched: Watch }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads what is asked for from the pattern
  watched: async ({}, use) => {
    const watched: Watch = { faults: [], expected: [] };
    await use(watched);
    expect(watched.faults.filter((f) => !watched.expected.some((e) => e.test(f)))).toEqual([]);
  },
  context: async ({ context, watched }, use) => {
    await watch(context, watched);
    await use(context);
  },
});

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Changes the theme of a page that is open, and waits until it is painted. */
export async function repaint(page: Page, theme: 'light' | 'dark') {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    await frame();
    await Promise.allSettled(document.getAnimations().map((a) => a.finished));
  });
  const scheme = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  expect(scheme, 'the theme of the system').toBe(theme === 'dark');
}

/** What axe finds wrong with a page, one line each. */
export async function barriers(page: Page): Promise<string[]> {
  // By the protocol of the debugger: a script in the page would need a laxer policy. It
  // is large, and stays while the page does.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  return page.evaluate(async () => {
    type Found = { id: string; nodes: { html: string; any: { message: string }[]; all: { message: string }[] }[] };
    const run = (window as unknown as { axe: { run(o: unknown): Promise<{ violations: Found[] }> } }).axe.run;
    // No rule of these reads style sheets, which would be fetched once more for it.
    const preload = false;
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await run({ runOnly: tags, resultTypes: ['violations'], preload });
    return violations.flatMap((v) =>
      v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.any[0]?.message ?? n.all[0]?.message ?? ''}`),
    );
  });
}

export { expect };
