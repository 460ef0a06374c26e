import type { Browser, BrowserContext, Page } from '@playwright/test';
import { test as base, here, type Watch, watch } from '../watch';

type Person = 'ana' | 'vera';

/** Signs in as people do: at the provider, with a name and a password. */
export async function signIn(page: Page, who: Person, to = '/fleet') {
  await page.goto(`${here.server}/login?return=${encodeURIComponent(to)}`);
  await page.getByRole('link', { name: 'Continue with Forge' }).click();
  await page.locator('#user_name').fill(who);
  await page.locator('#password').fill(here.password!);
  await page.keyboard.press('Enter');
  // Who is here for the first time is asked whether Lockstep may know who they are.
  const allow = page.locator('#authorize-app');
  await Promise.race([allow.waitFor(), page.waitForURL(`${here.server}${to}`)]);
  if (await allow.isVisible()) await allow.click();
  await page.waitForURL(`${here.server}${to}`);
}

/** Where the session of somebody is kept, between the spec that signs in and the others. */
export const kept = (who: Person) => `${here.kept}/${who}.json`;

interface Desk {
  context: BrowserContext;
  watched: Watch;
}

/**
 * Pages of people who are signed in: ana may do everything, vera sees one namespace.
 * `reader` is ana with the browser of the test before, whose cache is warm: for tests
 * that only look, and many of them.
 */
export const test = base.extend<{ ana: Page; vera: Page; reader: Page }, { desk: Desk }>({
  ana: async ({ browser, watched }, use) => use(await pageOf(browser, 'ana', watched)),
  vera: async ({ browser, watched }, use) => use(await pageOf(browser, 'vera', watched)),
  desk: [
    async ({ browser }, use) => {
      const desk: Desk = {
        context: await browser.newContext({ storageState: kept('ana') }),
        watched: { faults: [], expected: [] },
      };
      await watch(desk.context, () => desk.watched);
      await use(desk);
      await desk.context.close();
    },
    { scope: 'worker' },
  ],
  reader: async ({ desk, watched }, use) => {
    desk.watched = watched;
    const page = await desk.context.newPage();
    await use(page);
    await page.close();
  },
});

async function pageOf(browser: Browser, who: Person, watched: Watch): Promise<Page> {
  const context = await browser.newContext({ storageState: kept(who) });
  await watch(context, watched);
  return context.newPage();
}

/** The API as the person of a page asks it. */
export async function ask(page: Page, method: 'GET' | 'POST' | 'DELETE', path: string) {
  const answer = await page.context().request.fetch(`${here.server}/api/v1${path}`, {
    method,
    headers: { Accept: 'application/json', Origin: here.server, 'Sec-Fetch-Site': 'same-origin' },
  });
  return { status: answer.status(), text: await answer.text() };
}
