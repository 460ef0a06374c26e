import { expect, it } from 'vitest';
import type { AuditEntry } from '@/api/types';
import { merged } from './use-audit';

const entries = (...seqs: number[]) => seqs.map((seq) => ({ seq }) as AuditEntry);

it('puts news first, newest first, each once', () => {
  expect(merged(entries(4, 5, 3), entries(3, 2)).map((e) => e.seq)).toEqual([5, 4, 3, 2]);
  expect(merged(entries(3), entries(3, 2)).map((e) => e.seq)).toEqual([3, 2]);
  expect(merged([], []).length).toBe(0);
});
