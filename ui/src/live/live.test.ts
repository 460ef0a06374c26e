import { describe, expect, it } from 'vitest';
import { topicOf } from './events';
import { backoff, EventParser } from './sse';
import { before, type LiveHappening, reduce } from './state';

describe('EventParser', () => {
  const wire = 'id: 7\nevent: rows\ndata: {"a":\ndata: 1}\n\n: ping\n\nid: 8\r\nevent: ping\r\ndata: {}\r\n\r\n';
  const want = [
    { id: '7', type: 'rows', data: '{"a":\n1}' },
    { id: '8', type: 'ping', data: '{}' },
  ];
  it('reads events however they are cut', () => {
    for (let cut = 0; cut <= wire.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(wire.slice(0, cut)), ...parser.push(wire.slice(cut))], `cut at ${cut}`).toEqual(want);
    }
  });
  it('reads single characters', () => {
    const parser = new EventParser();
    expect([...wire].flatMap((c) => parser.push(c))).toEqual(want);
  });
});

it('waits longer each time, within bounds', () => {
  expect([0, 1, 2, 10].map((n) => backoff(n, 0.5))).toEqual([500, 1000, 2000, 30_000]);
  expect(backoff(10, 1)).toBeLessThanOrEqual(37_500);
  expect(backoff(0, 0)).toBeGreaterThanOrEqual(375);
});

describe('reduce', () => {
  const played = (...what: LiveHappening[]) => what.reduce((state, w, i) => reduce(state, w, 1000 * (i + 1)), before);
  it('is live from the first hello, since then', () => {
    expect(played({ type: 'trying' }, { type: 'hello', build: 'a' }, { type: 'heard' })).toMatchObject({
      phase: 'live',
      since: 2000,
      heard: 3000,
    });
  });
  it('stays offline while it tries, and keeps the time of the last byte', () => {
    const state = played(
      { type: 'hello', build: 'a' },
      { type: 'lost', retryAt: 9 },
      { type: 'trying' },
      { type: 'lost', retryAt: 10 },
    );
    expect(state).toMatchObject({ phase: 'offline', since: 2000, heard: 1000, retryAt: 10 });
  });
  it('tells an upgrade by another build, once and for good', () => {
    expect(played({ type: 'hello', build: 'a' }, { type: 'hello', build: 'a' }).upgraded).toBeFalsy();
    expect(
      played({ type: 'hello', build: 'a' }, { type: 'hello', build: 'b' }, { type: 'hello', build: 'a' }).upgraded,
    ).toBe(true);
  });
  it('catches up until somebody says it did', () => {
    const behind = played({ type: 'hello', build: 'a' }, { type: 'resync' }, { type: 'heard' });
    expect(behind.phase).toBe('catching-up');
    expect(reduce(behind, { type: 'caught-up' }, 9000).phase).toBe('live');
  });
  it('ends signed out', () => {
    expect(played({ type: 'hello', build: 'a' }, { type: 'refused' }).phase).toBe('signed-out');
  });
});

it('knows whom an event concerns', () => {
  expect(topicOf({ type: 'stack', id: '1', data: { namespace: 'a', name: 'b', version: 1 } })).toBe('stack:a/b');
  expect(topicOf({ type: 'resync', id: '1', data: { reason: 'behind', version: 1 } })).toBe('*');
  expect(topicOf({ type: 'ping', id: '1', data: { at: '' } })).toBeUndefined();
});
