import type { Page } from '@playwright/test';
import { barriers, expect, here, remote, repaint, test } from './watch';

const list = (page: Page) => page.getByRole('table', { name: 'Stacks' });
const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);

/** Bytes of the API's answers as they come over the wire. */
async function weigh(page: Page): Promise<() => number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const ours = new Set<string>();
  let bytes = 0;
  session.on('Network.responseReceived', (e) => {
    if (e.response.url.includes('/api/') && e.type !== 'EventSource') ours.add(e.requestId);
  });
  session.on('Network.loadingFinished', (e) => {
    if (ours.has(e.requestId)) bytes += e.encodedDataLength;
  });
  return () => bytes;
}

test('the list shows, filters and opens 10,000 Stacks', async ({ page }) => {
  const bytes = await weigh(page);
  await page.goto(`${here.server}/fleet?view=list`);
  await expect(list(page)).toHaveAttribute('aria-rowcount', '10001');
  await expect(page.getByText('10,000 Stacks')).toBeVisible();
  expect(await nodes(page), 'elements of the list').toBeLessThanOrEqual(1500);

  const rows = list(page).getByRole('row');
  await expect(rows.nth(1)).toContainText('Blocked'); // the worst of all
  await page.keyboard.press('/');
  await page.keyboard.type('ns:team-7 -health:healthy');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/q=/);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('env:prod -health:healthy');
  await expect(page.getByText(/^\d+ of 10,000 Stacks fit$/)).toBeVisible();
  for (const row of (await rows.all()).slice(1)) await expect(row).not.toContainText('Healthy');

  // To the end of what fits and back, without a fleet in the page.
  await page.goto(`${here.server}/fleet?view=list&sort=name`);
  await expect(rows.nth(1)).toBeVisible();
  await rows.nth(1).focus();
  for (let i = 0; i < 12; i++) await page.keyboard.press('PageDown');
  expect(await nodes(page), 'elements after scrolling').toBeLessThanOrEqual(1500);
  expect(bytes(), 'bytes of data').toBeLessThanOrEqual(60_000);
});

test('the map shows 10,000 Stacks, and can be walked with keys', async ({ page }) => {
  const bytes = await weigh(page);
  await page.goto(`${here.server}/fleet?view=map&group=namespace`);
  const map = page.getByRole('application', { name: /^10,000 Stacks in 40 groups/ });
  await expect(map).toBeVisible();
  expect(await nodes(page), 'elements of the map').toBeLessThanOrEqual(1500);
  await expect.poll(bytes).toBeGreaterThan(1000);
  expect(bytes(), 'bytes of data').toBeLessThanOrEqual(60_000);

  await map.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('PageDown');
  await expect(map.locator('[aria-live]')).toHaveText(/^team-\d+\/\S+: \w+/);
  const told = (await map.locator('[aria-live]').textContent()) ?? '';
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${here.server}/stacks/${told.split(':')[0]}`);
});

test('nothing moves when Stacks change', async ({ page }) => {
  await page.goto(`${here.server}/fleet?view=list&sort=name&q=${encodeURIComponent('ns:team-3')}`);
  const rows = list(page).getByRole('row');
  await expect(rows.nth(8)).toBeVisible();
  await expect(page.getByRole('contentinfo')).toContainText('Live');
  const places = () =>
    list(page).evaluate((table) =>
      [...table.querySelectorAll('[role=row]')].map((row) => {
        const { x, y, width, height } = row.getBoundingClientRect();
        const name = row.querySelector('.mono')?.textContent ?? 'head';
        return `${name} ${x} ${y} ${width} ${height}`;
      }),
    );
  await page.evaluate(() => {
    (window as unknown as { shifts: number }).shifts = 0;
    new PerformanceObserver((all) => {
      for (const e of all.getEntries())
        (window as unknown as { shifts: number }).shifts += (e as unknown as { value: number }).value;
    }).observe({ type: 'layout-shift', buffered: false });
  });
  const before = await places();
  // The third and the seventh row, which are in order of name.
  for (const stack of ['3', '83']) {
    const { name } = await remote('turn', { stack, to: 'degraded' });
    await expect(rows.filter({ hasText: name! })).toContainText('Degraded');
  }
  expect(await places(), 'places of rows').toEqual(before);
  const { name } = await remote('turn', { stack: '3', to: 'well' });
  await expect(rows.filter({ hasText: name! })).toContainText('Healthy');
  expect(await places(), 'places of rows').toEqual(before);
  expect(await page.evaluate(() => (window as unknown as { shifts: number }).shifts), 'layout shift').toBe(0);
  await remote('turn', { stack: '83', to: 'well' });
});

for (const view of ['list', 'map', 'changes']) {
  test(`nobody is kept out of the ${view}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(`${here.server}/fleet?view=${view}`);
    await expect(page.getByText('10,000 Stacks')).toBeVisible();
    await expect(view === 'map' ? page.getByRole('application') : page.getByRole('table').first()).toBeVisible();
    expect(await barriers(page), 'light').toEqual([]);
    await repaint(page, 'dark');
    expect(await barriers(page), 'dark').toEqual([]);
  });
}

test('names on the map can be read, also where motion is reduced', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.goto(`${here.server}/fleet?view=map`);
  await expect(page.getByRole('application').locator('canvas')).toBeVisible();
  // The darkest that is painted on the light page is its text.
  const darkest = () =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('[role=application] canvas')!;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let least = 255;
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3]! > 200) least = Math.min(least, Math.max(data[i]!, data[i + 1]!, data[i + 2]!));
      return least;
    });
  await expect.poll(darkest).toBeLessThan(90);
});
