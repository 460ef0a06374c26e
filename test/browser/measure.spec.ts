import type { Browser, CDPSession } from '@playwright/test';
import { expect, here, test } from './watch';

/** Milliseconds that scripts of a page have run so far. */
async function scripted(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * (metrics.find((m) => m.name === 'ScriptDuration')?.value ?? Number.NaN);
}

/**
 * What scripts take to show an address, in a browser that knows nothing of it yet. What
 * is waited for is a plain selector: to look for a role Playwright would run scripts of
 * its own.
 */
async function cost(browser: Browser, address: string, shown: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  await page.goto(address);
  await page.waitForSelector(shown, { state: 'attached' });
  const took = await scripted(session);
  await context.close();
  return took;
}

// After all others, so that no second browser is at work meanwhile; each in turn, so
// that what else the machine does is in all of them; and the least of each.
test('what the scripts take is in proportion to a page that does little', async ({ browser }) => {
  let [control, list, map] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 4; i++) {
    control = Math.min(control, await cost(browser, `${here.server}/control`, 'html[data-done]'));
    list = Math.min(
      list,
      await cost(browser, `${here.server}/fleet?view=list`, '[aria-rowcount="10001"] [data-row="9"]'),
    );
    map = Math.min(map, await cost(browser, `${here.server}/fleet?view=map`, '[role=application] canvas[width]'));
  }
  const told = (ms: number) => `${Math.round(ms)} ms, ${(ms / control).toFixed(2)} of the control`;
  console.log(`script: control ${Math.round(control)} ms; list ${told(list)}; map ${told(map)}`);
  expect(list / control, 'list').toBeLessThan(5);
  expect(map / control, 'map').toBeLessThan(5);
});
