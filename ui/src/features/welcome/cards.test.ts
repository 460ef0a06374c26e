import { expect, test } from 'vitest';
import type { AuditEntry } from '@/api/types';
import { type CardId, fold, nothing } from './cards';

const entry = (more: Partial<AuditEntry>): AuditEntry => ({
  seq: 1,
  time: '2026-11-22T12:00:00Z',
  kind: 'call',
  person: { name: 'ana' },
  namespace: 'shop',
  name: 'checkout',
  verb: 'pause',
  outcome: 'Succeeded',
  data: {},
  hash: '',
  ...more,
});
const release = (name: string, number: number, more: Partial<AuditEntry> = {}) =>
  entry({ kind: 'release', verb: 'apply', name, data: { cause: 'commit', number }, ...more });

test.each<[why: string, entries: AuditEntry[], done: CardId[]]>([
  ['what the demo released itself is nobody’s commit', [release('checkout', 1), release('uploads', 2)], []],
  ['the next release is', [release('checkout', 2)], ['commit']],
  ['and not before it is healthy', [release('checkout', 2, { outcome: 'Progressing' })], []],
  [
    'drift that is healed on the way does not take it away',
    [release('checkout', 2, { outcome: 'Superseded' }), entry({ kind: 'heal', verb: 'heal' })],
    ['drift', 'commit'],
  ],
  ['a commit that failed', [release('checkout', 2, { outcome: 'Failed' }), entry({ kind: 'heal' })], ['drift']],
  ['another Stack’s release', [release('checkout', 2, { outcome: 'Progressing' }), release('cart', 1)], []],
  ['a change of the spec is no commit', [entry({ kind: 'release', data: { cause: 'spec', number: 2 } })], []],
  ['drift that is healed', [entry({ kind: 'heal', verb: 'heal' })], ['drift']],
  ['drift that is only found', [entry({ kind: 'drift', verb: 'find' })], []],
  ['paused and not resumed', [entry({})], []],
  ['resumed without a pause', [entry({ verb: 'resume' })], []],
  ['another one resumed', [entry({}), entry({ verb: 'resume', name: 'cart' })], []],
  ['paused and resumed', [entry({}), entry({ verb: 'resume' })], ['pause']],
  ['a pause that was refused', [entry({ outcome: 'Denied' }), entry({ verb: 'resume' })], []],
  ['held at an earlier release', [entry({ kind: 'rollback', verb: 'rollback' })], ['back']],
  ['stopped', [entry({ kind: 'rollback', verb: 'rollback', outcome: 'Blocked' })], ['stopped']],
  ['not allowed is not stopped', [entry({ verb: 'rollback', outcome: 'Denied' })], []],
])('%s', (_why, entries, done) => {
  expect([...fold(nothing, entries).done]).toEqual(done);
});

test('a pause of one page counts with its end on the next', () => {
  expect(fold(fold(nothing, [entry({})]), [entry({ verb: 'resume' })]).done.has('pause')).toBe(true);
});
