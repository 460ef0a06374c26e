/**
 * What is known of the stream, as the footer's dot and the bars show it. A pure
 * reducer: the stream, other tabs and the clock say what happened.
 */
export interface LiveState {
  phase: 'connecting' | 'live' | 'catching-up' | 'offline' | 'signed-out';
  /** Since when the phase holds, in milliseconds. */
  since: number;
  /** When the last byte came; data on screen is as of then. */
  heard: number;
  /** The server's build at the first hello, and at the last. */
  build?: string;
  upgraded?: boolean;
  /** When the next try is due, while offline. */
  retryAt?: number;
}

export type LiveHappening =
  | { type: 'trying' }
  | { type: 'hello'; build: string }
  | { type: 'heard' }
  | { type: 'resync' }
  | { type: 'caught-up' }
  | { type: 'lost'; retryAt: number }
  | { type: 'refused' };

export const before: LiveState = { phase: 'connecting', since: 0, heard: 0 };

export function reduce(state: LiveState, what: LiveHappening, now: number): LiveState {
  const to = (phase: LiveState['phase']): LiveState =>
    phase === state.phase ? state : { ...state, phase, since: now, retryAt: undefined };
  switch (what.type) {
    case 'trying':
      // Still offline until it works: the screen must not flicker between two words.
      return state.phase === 'offline' ? { ...state, retryAt: undefined } : to('connecting');
    case 'hello':
      return {
        ...to('live'),
        heard: now,
        build: state.build ?? what.build,
        upgraded: state.upgraded || (state.build !== undefined && state.build !== what.build),
      };
    case 'heard':
      return { ...(state.phase === 'catching-up' ? state : to('live')), heard: now };
    case 'resync':
      return { ...to('catching-up'), heard: now };
    case 'caught-up':
      return state.phase === 'catching-up' ? to('live') : state;
    case 'lost':
      return { ...to('offline'), retryAt: what.retryAt };
    case 'refused':
      return to('signed-out');
  }
}
