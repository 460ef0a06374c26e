import { kept, signIn, test } from './people';

// One after the other, and before everything else: who comes twice at once, and for
// the first time, is asked twice for a consent that the provider keeps once.
test('everybody signs in', async ({ browser }) => {
  for (const who of ['ana', 'vera'] as const) {
    const context = await browser.newContext();
    await signIn(await context.newPage(), who);
    await context.storageState({ path: kept(who) });
    await context.close();
  }
});
