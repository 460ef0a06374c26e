import { expect, it } from 'vitest';
import { canCli, clientName, pieces, placeOf, placeWords, tokenCli } from './lines';

it('says the command of a question', () => {
  expect(canCli({ verb: 'get', stack: '', as: '', groups: ['x'] })).toBe('lockstep auth can get');
  expect(canCli({ verb: 'approve', stack: 'a/*', as: 'oidc:ana', groups: ['oidc:on call'] })).toBe(
    "lockstep auth can approve 'a/*' --as oidc:ana --as-group 'oidc:on call'",
  );
});

it('says the command of a token', () => {
  const token = { name: '', scopes: ['reconcile:a/b', 'read:a'], for: '720h', machine: '', groups: ['g'] };
  expect(tokenCli(token)).toBe('lockstep token create NAME --for 720h --scope reconcile:a/b --scope read:a');
  expect(tokenCli({ ...token, name: 'x y', scopes: [], machine: 'ci' })).toBe(
    "lockstep token create 'x y' --for 720h --machine ci --group g",
  );
});

it('takes lists and places as they are typed', () => {
  expect(pieces(' a, b\nc  a ')).toEqual(['a', 'b', 'c']);
  expect(['', '*', 'payments', 'payments/shop', 'payments/*', 'a/b/c', 'A b', '-x'].map(placeOf)).toEqual([
    '',
    '',
    'payments/*',
    'payments/shop',
    'payments/*',
    undefined,
    undefined,
    undefined,
  ]);
  expect(['', 'a/*', 'a/b'].map(placeWords)).toEqual(['all Stacks', 'all Stacks of a', 'a/b']);
});

it('recognises a browser', () => {
  const chrome =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
  expect(clientName(chrome)).toBe('Chrome on Linux');
  expect(clientName(`${chrome} Edg/140.0`)).toBe('Edge on Linux');
  expect(clientName('Mozilla/5.0 (Macintosh; Intel) AppleWebKit/605 Version/18 Safari/605.1')).toBe('Safari on macOS');
  expect([clientName('lockstep on ana-laptop'), clientName('')]).toEqual(['lockstep on ana-laptop', 'unknown']);
});
