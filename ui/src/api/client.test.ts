import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { api, exploded } from './client';

/** The address that a call asks for. */
async function asks(call: () => Promise<unknown>): Promise<string> {
  const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('{}', { status: 200 }));
  await call();
  const [request] = fetched.mock.calls[0]! as [Request];
  return request.url.replace(/^.*\/api\/v1/, '');
}

it('joins several values as the contract does', async () => {
  const query = { kind: ['release', 'heal'], verb: 'a,b' } as const;
  expect(await asks(() => api.GET('/api/v1/audit', { params: { query: { ...query, kind: [...query.kind] } } }))).toBe(
    '/audit?kind=release,heal&verb=a%2Cb',
  );
});

it('repeats what may have commas', async () => {
  const query = { verb: 'get' as const, as: 'ana', groups: ['cn=ops,dc=example', 'dev'] };
  expect(await asks(() => api.GET('/api/v1/access/can', { params: { query }, ...exploded }))).toBe(
    '/access/can?verb=get&as=ana&groups=cn%3Dops%2Cdc%3Dexample&groups=dev',
  );
});

it('knows every parameter that the contract repeats', () => {
  // Parameters of a query by the operation before them; a list is one whose type is array.
  const found: string[] = [];
  let operation = '';
  const contract = readFileSync('../api/openapi.yaml', 'utf8');
  for (const block of contract.slice(contract.indexOf('\npaths:')).split(/\n {8}- /)) {
    const name = /\n {10}name: (\S+)/.exec(block)?.[1] ?? /^name: (\S+)/.exec(block)?.[1];
    if (/\n {12}type: array/.test(block)) {
      found.push(`${operation} ${name} ${/explode: (\w+)/.exec(block)?.[1]}`);
    }
    operation = [...block.matchAll(/operationId: (\w+)/g)].at(-1)?.[1] ?? operation;
  }
  expect(found.length, 'parameters with several values').toBeGreaterThan(3);
  // Whoever adds one here has its calls spread `exploded`.
  expect(found.filter((f) => f.endsWith(' true'))).toEqual(['can groups true']);
});
