import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { here } from '../watch';

const folder = join(__dirname, '../../../docs/images');

/** Takes a picture of an address in both themes; `before` opens what has no address of its own. */
export async function picture(page: Page, name: string, address: string, before?: () => Promise<void>) {
  await page.setViewportSize({ width: 1200, height: 750 });
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.goto(here.server + address);
    await expect(page.locator('h1').first()).toBeAttached();
    await expect(page.locator('main .breathe')).toHaveCount(0);
    await page.evaluate(() => document.fonts.ready);
    await before?.();
    await page.waitForTimeout(700);
    await page.screenshot({ path: join(folder, `${name}-${theme}.png`), animations: 'disabled', caret: 'hide' });
  }
}
