import { expect, here, remote } from '../watch';
import { ask, signIn, test } from './people';

test('a person signs in at a real provider', async ({ page, context }) => {
  await page.goto(`${here.server}/stacks/${here.shop}/checkout`);
  await page.waitForURL(`${here.server}/login?return=*`);
  await signIn(page, 'ana', `/stacks/${here.shop}/checkout`);
  await expect(page.getByRole('heading', { name: 'checkout' })).toBeVisible();
  const me = await ask(page, 'GET', '/me');
  expect(JSON.parse(me.text)).toMatchObject({ name: 'oidc:ana' });

  const cookies = await context.cookies(here.server);
  const session = cookies.filter((c) => c.name.endsWith('lockstep-session'));
  expect(session).toHaveLength(1);
  expect(session[0]).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
  // No script sees it, and nothing of it is kept where one could.
  expect(await page.evaluate(() => document.cookie)).not.toContain('session');
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(
    session[0]!.value,
  );

  // Signed out is signed out, also for who kept the cookie.
  expect((await ask(page, 'POST', '/auth/logout')).status).toBeLessThan(300);
  await context.addCookies(session);
  expect((await ask(page, 'GET', '/me')).status).toBe(401);
});

test('a link signs in once', async ({ page, browser, watched }) => {
  const { url } = await remote('link');
  await page.goto(url!);
  await page.waitForURL(/\/(fleet|welcome)/);
  expect(page.url(), 'the secret of the link').not.toContain('t=');
  expect(JSON.parse((await ask(page, 'GET', '/me')).text)).toMatchObject({ name: 'lockstep:local-admin' });

  const another = await browser.newContext();
  const stranger = await another.newPage();
  await stranger.goto(url!);
  await expect(stranger.getByRole('status')).toContainText('the link is not good');
  expect((await ask(stranger, 'GET', '/me')).status).toBe(401);
  await another.close();
  expect(watched.faults).toEqual([]);
});

test('nobody sees nothing', async ({ page }) => {
  for (const path of [
    '/me',
    '/stacks',
    '/stacks/map',
    '/sources',
    '/targets',
    '/events?topics=fleet',
    `/stacks/${here.shop}/checkout`,
  ])
    expect((await ask(page, 'GET', path)).status, path).toBe(401);
  await page.goto(`${here.server}/fleet`);
  await page.waitForURL(`${here.server}/login?return=*`);
});
