import { test } from '../pages/people';
import { expect, here, remote } from '../watch';
import { picture } from './picture';

const pages: Record<string, string> = {
  resources: '/stacks/shop/checkout',
  tree: '/stacks/shop/checkout?group=tree',
  object: '/stacks/shop/checkout/resources/apps/Deployment/shop/checkout',
  timeline: '/stacks/shop/checkout/timeline',
  logs: '/stacks/shop/checkout/logs',
  events: '/stacks/shop/checkout/events',
  manifest: '/stacks/shop/checkout/manifest',
  release: '/stacks/shop/checkout/releases/2',
  compare: '/stacks/shop/checkout/compare?from=1&to=live',
  drift: '/stacks/shop/ledger',
  diff: '/stacks/shop/ledger/diff',
  audit: '/audit',
  targets: '/targets',
  source: '/sources/shop/shop',
  access: '/settings/access',
  'sign-in': '/settings/sso',
  tokens: '/settings/tokens',
  welcome: '/welcome',
};

test.setTimeout(180_000);

test('pages', async ({ ana: page }) => {
  await remote('edit', { namespace: here.shop!, name: 'ledger', replicas: '5' });
  await remote('push', { replicas: '4' });
  await page.waitForTimeout(3000);
  for (const [name, address] of Object.entries(pages)) await picture(page, name, address);
  const dialog = async (key: string, last: string) => {
    await expect(page.getByRole('contentinfo')).toContainText('Live');
    await page.keyboard.press(key);
    await expect(page.getByRole('dialog').getByText(last).first()).toBeVisible();
  };
  await picture(page, 'pause', pages.resources!, () => dialog('p', 'lockstep pause'));
  await picture(page, 'rollback', pages.resources!, () => dialog('R', 'Will change'));
});
