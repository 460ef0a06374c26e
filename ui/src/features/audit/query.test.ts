import { describe, expect, it } from 'vitest';
import { asked, auditCli, moment, withField } from './query';

const now = Date.UTC(2026, 2, 1, 12);

describe('asked', () => {
  const cases: Record<string, { why: string; q: string; want: object }> = {
    Nothing: { why: 'Everything.', q: '', want: { query: {} } },
    All: {
      why: 'Each term becomes its parameter; several kinds are any of them.',
      q: 'person:oidc:ana@example.org kind:login,Token verb:approve stack:payments/shop since:24h restart pods',
      want: {
        query: {
          person: 'oidc:ana@example.org',
          kind: ['login', 'token'],
          verb: 'approve',
          namespace: 'payments',
          name: 'shop',
          since: '2026-02-28T12:00:00.000Z',
          q: 'restart pods',
        },
      },
    },
    Namespace: { why: 'All of a namespace.', q: 'stack:payments/*', want: { query: { namespace: 'payments' } } },
    Quoted: { why: 'A display name has blanks.', q: 'person:"Ana Marić"', want: { query: { person: 'Ana Marić' } } },
  };
  for (const [name, { why, q, want }] of Object.entries(cases)) {
    it(name, () => expect(asked(q, now), why).toEqual(want));
  }

  const wrong: Record<string, { q: string; says: RegExp }> = {
    Not: { q: '-kind:login', says: /not for what did not/ },
    Two: { q: 'person:a,b', says: /person takes one value/ },
    Kind: { q: 'kind:logins', says: /no kind "logins"/ },
    Field: { q: 'health:healthy', says: /no field "health"/ },
    Time: { q: 'since:yesterday', says: /time or an age/ },
    Grammar: { q: 'kind:', says: /./ },
  };
  for (const [name, { q, says }] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => expect(asked(q, now).mistake?.what).toMatch(says));
  }
});

it('reads ages and times', () => {
  expect(moment('90m', now)).toBe('2026-03-01T10:30:00.000Z');
  expect(moment('7d', now)).toBe('2026-02-22T12:00:00.000Z');
  expect(moment('2026-03-01T14:00:00Z', now)).toBe('2026-03-01T14:00:00.000Z');
  expect(moment('2026-03-01', now)).toBe(new Date(2026, 2, 1).toISOString());
  expect([moment('2026-13-01', now), moment('7', now), moment('', now)]).toEqual([undefined, undefined, undefined]);
});

it('puts a field in and takes it out', () => {
  expect(withField('kind:login a', 'person', 'Ana M')).toBe('kind:login a person:"Ana M"');
  expect(withField('person:b kind:login', 'person', '')).toBe('kind:login');
});

it('says the command', () => {
  expect(auditCli("kind:login person:a since:24h it's", now)).toBe(
    "lockstep audit --kind login --person a --text 'it'\\''s' --since 1440m",
  );
});
