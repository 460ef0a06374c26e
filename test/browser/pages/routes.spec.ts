import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { barriers, expect, here, repaint } from '../watch';
import { test } from './people';

const checkout = `/stacks/${here.shop}/checkout`;

/** Every page by its pattern in ui/src/routes.tsx, with addresses that show all of it. */
const routes: Record<string, string[]> = {
  '/fleet': ['/fleet?view=list', '/fleet?view=map', '/fleet?view=changes'],
  '/stacks/:namespace/:name/releases/:release': [`${checkout}/releases/1`, `${checkout}/releases/999`],
  '/stacks/:namespace/:name/compare': [
    `${checkout}/compare`,
    `${checkout}/compare?as=yaml`,
    `${checkout}/compare?from=git&with=${here.pay}/till`,
  ],

  '/stacks/:namespace/:name/*?': [
    checkout,
    `${checkout}?group=tree`,
    `${checkout}?group=table`,
    ...['diff', 'timeline', 'logs', 'events', 'manifest', 'settings'].map((tab) => `${checkout}/${tab}`),
    `${checkout}/resources/apps/Deployment/${here.shop}/checkout`,
  ],
  '/targets': ['/targets'],
  '/targets/:namespace/:name': [`/targets/${here.shop}/nowhere`],
  '/sources': ['/sources'],
  '/sources/:namespace/:name': [`/sources/${here.shop}/shop`],
  '/audit': ['/audit'],
  '/settings/:section?': ['access', 'sso', 'tokens', 'sessions', 'about'].map((section) => `/settings/${section}`),
  '/welcome': ['/welcome'],
  '/login': ['/login'],
  // Of the server itself, and an address that leads nowhere.
  none: ['/login/device', '/nowhere'],
};

const source = readFileSync(join(__dirname, '../../../ui/src/routes.tsx'), 'utf8');
const known = [...source.matchAll(/^ {2}route\(\s*'([^']+)'/gm)].map((m) => m[1]!);

test('every page is looked at', () => {
  expect(known.length).toBeGreaterThan(5);
  expect(known.filter((path) => !routes[path])).toEqual([]);
});

for (const address of ['none', ...known].flatMap((path) => routes[path] ?? [])) {
  test(`nobody is kept out of ${address.replaceAll(here.shop ?? '', 'shop')}`, async ({ reader: page, watched }) => {
    // What is not there is answered so.
    watched.expected.push(/status of 404/);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(here.server + address);
    await expect(page.locator('h1').first()).toBeAttached();
    await expect(page.locator('main .breathe')).toHaveCount(0);
    expect(await barriers(page), 'light').toEqual([]);
    await repaint(page, 'dark');
    expect(await barriers(page), 'dark').toEqual([]);
  });
}
