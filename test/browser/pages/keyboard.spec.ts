import type { Locator, Page } from '@playwright/test';
import { expect, here, remote } from '../watch';
import { test } from './people';

/** Goes on with the Tab key until something has the focus. */
async function tabTo(page: Page, to: Locator) {
  for (let i = 0; i < 60; i++) {
    if (await to.evaluate((el) => el === document.activeElement).catch(() => false)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key never comes to ${to}`);
}

test('a person finds a Stack, reads its drift and reverts it, with keys alone', async ({ ana: page }) => {
  await page.goto(`${here.server}/fleet?view=list`);
  await expect(page.getByRole('table', { name: 'Stacks' })).toBeVisible();
  await remote('edit', { namespace: here.shop!, name: 'ledger', replicas: '5' });

  await page.keyboard.press('/');
  await page.keyboard.type('ledger');
  await page.keyboard.press('Enter');
  const row = page.getByRole('row').filter({ hasText: 'ledger' });
  await expect(row).toHaveCount(1);
  await tabTo(page, row);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${here.server}/stacks/${here.shop}/ledger`);

  const drift = page.getByRole('table', { name: 'Fields of Deployment ledger' });
  const field = drift.getByRole('row').filter({ hasText: 'spec.replicas' });
  await expect(field.getByRole('cell').nth(1)).toHaveText('3');
  await expect(field.getByRole('cell').nth(2)).toHaveText('5');
  await expect(field.getByRole('cell').nth(3)).toContainText('kubectl-edit');

  await tabTo(page, page.getByRole('button', { name: 'Revert now' }));
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await remote('read', { namespace: here.shop!, name: 'ledger' })).replicas).toBe('3');
  await expect(drift).toBeHidden();
});

test('the palette leads to a Stack', async ({ ana: page }) => {
  await page.goto(`${here.server}/fleet`);
  await expect(page.getByRole('contentinfo')).toContainText('Live');
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Search or jump' })).toBeFocused();
  await page.keyboard.type('checkout');
  await expect(page.getByRole('option', { name: /checkout/ }).first()).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${here.server}/stacks/${here.shop}/checkout`);
});
