import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '@/api/types';
import { kinds } from './query';
import { inWords, toneOf } from './sentence';

const entry = (e: Partial<AuditEntry>): AuditEntry => ({
  seq: 1,
  time: '2026-03-01T12:00:00Z',
  kind: 'call',
  person: { name: 'oidc:ana', display: 'Ana' },
  verb: '',
  data: {},
  hash: 'f00',
  ...e,
});
const lockstep = { name: 'lockstep', display: 'Lockstep' };
const shop = { namespace: 'payments', name: 'shop' };

describe('inWords', () => {
  const cases: Record<string, { e: Partial<AuditEntry>; want: string }> = {
    Release: {
      e: {
        ...shop,
        kind: 'release',
        person: lockstep,
        verb: 'apply',
        outcome: 'Succeeded',
        data: {
          number: 42,
          revision: '4f1c2aa0000000000000000000000000000000aa',
          author: 'Ana <a@b>',
          subject: '5 replicas',
        },
      },
      want: 'Lockstep carried out release 42 of payments/shop at 4f1c2aa by Ana: 5 replicas',
    },
    FailedRelease: {
      e: {
        ...shop,
        kind: 'release',
        person: lockstep,
        verb: 'apply',
        outcome: 'Failed',
        reason: 'no such image',
        data: { number: 2 },
      },
      want: 'Lockstep could not carry out release 2 of payments/shop: no such image',
    },
    Drift: {
      e: {
        ...shop,
        kind: 'drift',
        person: lockstep,
        verb: 'find',
        data: { object: 'Deployment/web', field: 'spec.replicas', manager: 'kubectl-edit', git: '3', live: '5' },
      },
      want: 'kubectl-edit changed spec.replicas of Deployment/web in payments/shop from 3 to 5',
    },
    DriftOver: {
      e: {
        ...shop,
        kind: 'drift',
        person: lockstep,
        verb: 'end',
        data: { object: 'Deployment/web', field: 'spec.replicas' },
      },
      want: 'Lockstep saw the change of spec.replicas of Deployment/web gone from payments/shop',
    },
    Heal: {
      e: {
        ...shop,
        kind: 'heal',
        person: lockstep,
        outcome: 'Succeeded',
        data: { fields: [{ object: 'Deployment/web', field: 'spec.replicas', manager: 'kubectl' }] },
      },
      want: 'Lockstep undid the change of spec.replicas of Deployment/web in payments/shop by kubectl',
    },
    Refused: {
      e: {
        kind: 'login',
        outcome: 'Denied',
        reason: 'not in a group that is let in',
        data: { provider: 'gitea', address: '10.0.0.1' },
      },
      want: 'Ana could not sign in by gitea from 10.0.0.1: not in a group that is let in',
    },
    Token: {
      e: {
        kind: 'token',
        verb: 'create',
        outcome: 'Succeeded',
        data: { name: 'deploy-bot', scopes: ['get:payments'] },
      },
      want: 'Ana made the token deploy-bot for get:payments',
    },
    Rollback: {
      e: { ...shop, kind: 'rollback', outcome: 'Succeeded', reason: 'checkout fails', data: { to: 38, mode: 'hold' } },
      want: 'Ana rolled back payments/shop to release 38 and holds it there: checkout fails',
    },
    Call: { e: { ...shop, verb: 'reconcile', outcome: 'Succeeded' }, want: 'Ana asked for a look at payments/shop' },
    Denied: {
      e: { ...shop, verb: 'fetch', outcome: 'Denied' },
      want: 'Ana was not allowed to have the remote looked at of Source payments/shop',
    },
    HealOfUnknown: {
      e: { ...shop, kind: 'heal', person: lockstep, outcome: 'Succeeded', data: { fields: [] } },
      want: 'Lockstep undid what was changed in payments/shop',
    },
    Retention: {
      e: { kind: 'retention', person: lockstep, data: { removed: { call: 2, login: 1 } } },
      want: 'Lockstep removed 3 entries that were older than is kept',
    },
  };
  for (const [name, { e, want }] of Object.entries(cases)) it(name, () => expect(inWords(entry(e))).toBe(want));

  it('says something of every kind without any detail, and of one that it does not know', () => {
    for (const kind of Object.keys(kinds)) {
      expect(inWords(entry({ kind: kind as AuditEntry['kind'], verb: 'x' }))).toMatch(/^\S+ \S+/);
    }
    expect(inWords(entry({ kind: 'promotion' as AuditEntry['kind'], verb: 'promote' }))).toBe('Ana promote promotion');
  });

  it('is not led astray by details of another shape', () => {
    const data = { number: 'x', fields: 'y', scopes: { a: 1 }, removed: 3, lost: 'z', losses: 1 };
    for (const kind of Object.keys(kinds)) {
      expect(() => inWords(entry({ kind: kind as AuditEntry['kind'], data }))).not.toThrow();
    }
  });
});

it('knows what is bad', () => {
  expect(['Succeeded', 'Denied', 'Progressing', '202'].map(toneOf)).toEqual(['ok', 'bad', 'info', 'idle']);
});
