import { expect, here, remote } from '../watch';
import { test } from './people';

const till = `/stacks/${here.pay}/till`;

test('a release is compared with what is live, and with another Stack', async ({ ana: page }) => {
  await remote('edit', { namespace: here.pay!, name: 'till', replicas: '7' });
  await page.goto(`${here.server}${till}/releases/1`);
  await expect(page.getByRole('heading', { name: 'Release 1', exact: true })).toBeVisible();
  await page.getByRole('link', { name: 'Compare with live' }).click();
  await expect(page).toHaveURL(`${here.server}${till}/compare?from=1&to=live`);
  const table = page.getByRole('table', { name: 'Fields of Deployment till' });
  const field = table.getByRole('row').filter({ hasText: 'spec.replicas' });
  // What was changed by hand is told with whose it is.
  await expect(field.getByRole('cell').nth(1)).toHaveText('2');
  await expect(field.getByRole('cell').nth(2)).toHaveText('7');
  await expect(field.getByRole('cell').nth(3)).toContainText('kubectl-edit');
  await expect(page.getByRole('contentinfo')).toContainText(`lockstep diff ${here.pay}/till --from 1 --to live`);

  await page.getByRole('button', { name: 'Swap' }).click();
  // What is live is where a comparison begins, so the address leaves it out.
  await expect(page).toHaveURL(`${here.server}${till}/compare?to=1`);
  await expect(field.getByRole('cell').nth(1)).toHaveText('7');
  await page.getByRole('button', { name: 'YAML' }).click();
  await expect(page.getByRole('region', { name: 'Deployment till' })).toContainText('replicas: 7');
  await page.getByRole('button', { name: 'Fields' }).click();

  const other = page.getByRole('combobox', { name: 'Of another stack' });
  await other.fill(`${here.shop}/checkout`);
  await other.press('Enter');
  // What is live belongs to one Stack: it is no choice any more.
  await expect
    .poll(() => Object.fromEntries(new URL(page.url()).searchParams))
    .toEqual({
      from: 'git',
      to: '1',
      with: `${here.shop}/checkout`,
    });
  await expect(page.getByText('− removed')).toBeVisible();
  await expect(page.getByText('+ added').first()).toBeVisible();
  await expect(page.getByRole('combobox', { name: 'From' }).getByRole('option', { name: 'Live' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Fold all' })).toBeVisible();
});

test('a release that the Stack has forgotten is read from the record', async ({ ana: page, watched }) => {
  watched.expected.push(/status of 404/);
  // A Stack remembers its newest releases; this one has forgotten all but a number.
  await page.route(`**/api/v1/stacks/${here.pay}/vault`, async (route) => {
    const answer = await route.fetch();
    const stack = (await answer.json()) as { releases: { id: number }[] };
    stack.releases = stack.releases.map((r) => ({ ...r, id: 41 }));
    await route.fulfill({ response: answer, json: stack });
  });
  await page.goto(`${here.server}/stacks/${here.pay}/vault/releases/1`);
  await expect(page.getByRole('heading', { name: 'Release 1', exact: true })).toBeVisible();
  await expect(page.getByText('checkout: 2 replicas')).toBeVisible();
  await expect(page.getByText('1 to create')).toBeVisible();
  await expect(page.getByText(`ConfigMap/${here.pay}/vault`)).toBeVisible();
  await page.keyboard.press(']');
  await expect(page).toHaveURL(/\/releases\/2$/);
  await expect(page.getByRole('heading', { name: 'There is no release 2 on record' })).toBeVisible();
  await expect(page.getByText('Old ones are removed')).toBeVisible();
  await page.goto(`${here.server}/stacks/${here.pay}/vault/releases/99`);
  await expect(page.getByText('The newest is 41.')).toBeVisible();
  await page.goto(`${here.server}/stacks/${here.pay}/vault/releases/none`);
  await expect(page.getByRole('heading', { name: 'There is no release none on record' })).toBeVisible();
});

test('the timeline goes back page by page', async ({ ana: page }) => {
  // Pages of one entry, so that few entries make several.
  await page.route('**/timeline*', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('limit', '1');
    return route.continue({ url: url.href });
  });
  await remote('push', { replicas: '3' });
  await page.goto(`${here.server}/stacks/${here.shop}/checkout/timeline`);
  const entries = page.getByRole('list', { name: 'What happened, newest first' }).getByRole('listitem');
  await expect(entries.first()).toContainText('Release 2');
  await expect(entries).toHaveCount(1);
  const older = page.getByRole('button', { name: 'Older' });
  const end = page.getByText('That is all on record.');
  // The button has another name while it reads, and not every page brings a row.
  await expect(async () => {
    if (await older.isVisible()) await older.click({ timeout: 500 });
    await expect(end).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(entries.last()).toContainText('Release 1');
});
