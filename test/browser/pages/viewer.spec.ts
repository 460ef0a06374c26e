import { expect, here, remote } from '../watch';
import { ask, test } from './people';

test('what a viewer may not see is nowhere', async ({ vera, ana }) => {
  await vera.goto(`${here.server}/fleet?view=list`);
  await expect(vera.getByText('2 Stacks', { exact: true })).toBeVisible();
  await expect(vera.getByRole('table', { name: 'Stacks' })).toHaveAttribute('aria-rowcount', '3');
  expect(await vera.content()).not.toContain(here.pay!);

  await vera.goto(`${here.server}/fleet?view=list&q=vault`);
  await expect(vera.getByText('No Stack fits the filter')).toBeVisible();
  await vera.goto(`${here.server}/fleet?view=map&group=namespace`);
  await expect(vera.getByRole('application', { name: /^2 Stacks in 1 group/ })).toBeVisible();

  for (const path of ['/stacks', '/stacks/map', '/sources', '/targets', '/stacks?q=vault']) {
    const { status, text } = await ask(vera, 'GET', path);
    expect(status, path).toBe(200);
    expect(text, path).not.toContain(here.pay!);
    expect(text.replace(/"filter":"[^"]*"/, ''), path).not.toContain('vault');
  }
  // That it exists is not for her to find out.
  const [hidden, nowhere] = [
    await ask(vera, 'GET', `/stacks/${here.pay}/vault`),
    await ask(vera, 'GET', `/stacks/${here.pay}/nowhere`),
  ];
  expect(hidden.status).toBe(404);
  expect(nowhere.status).toBe(404);

  expect((await ask(ana, 'GET', `/stacks/${here.pay}/vault`)).status).toBe(200);
});

test('what a viewer may not do is refused, and not offered', async ({ vera, watched }) => {
  watched.expected.push(/status of 403/);
  await vera.goto(`${here.server}/stacks/${here.shop}/checkout`);
  await expect(vera.getByRole('button', { name: /^Reconcile now/ })).toBeDisabled();
  await vera.keyboard.press('r');
  for (const [path, status] of [
    [`/stacks/${here.shop}/checkout/reconcile`, 403],
    [`/sources/${here.shop}/shop/fetch`, 403],
  ] as const)
    expect((await ask(vera, 'POST', path)).status, path).toBe(status);
  const alike = [];
  for (const name of ['vault', 'never']) {
    const { status, text } = await ask(vera, 'POST', `/stacks/${here.pay}/${name}/reconcile`);
    alike.push(`${status} ${text.replaceAll(name, 'NAME').replace(/"request":"[^"]*"/, '')}`);
  }
  expect(alike[0]).toMatch(/^40[34]/);
  expect(alike[0], 'a Stack that she may not know of, and one that is not').toBe(alike[1]);
});

test('a viewer hears of nothing else', async ({ vera, watched }) => {
  watched.expected.push(/status of 40\d/);
  await vera.goto(`${here.server}/fleet`);
  const heard = await vera.evaluate(
    async (topics) => {
      const gone = new AbortController();
      const stream = await fetch(`/api/v1/events?topics=${topics}`, {
        signal: gone.signal,
        headers: { Accept: 'text/event-stream' },
      });
      const words = window as unknown as { heard: string };
      words.heard = '';
      void (async () => {
        const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const { value, done } = await reader.read().catch(() => ({ value: '', done: true }));
          if (done) return;
          words.heard += value;
        }
      })();
      return stream.status;
    },
    encodeURIComponent(`fleet,sources,stack:${here.pay}/vault`),
  );
  // Either the whole stream is refused, or there is nothing of it in there.
  expect([200, 403, 404]).toContain(heard);
  await remote('touch', { namespace: here.pay!, name: 'vault' });
  await remote('touch', { namespace: here.shop!, name: 'checkout' });
  const said = () => vera.evaluate(() => (window as unknown as { heard: string }).heard);
  if (heard === 200) await expect.poll(said).toContain('checkout');
  await vera.waitForTimeout(500);
  expect(await said()).not.toContain(here.pay!);
});
