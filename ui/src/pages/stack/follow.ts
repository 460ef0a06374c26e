import { problemOf } from '@/api/problem';
import { backoff, EventParser, type ServerEvent } from '@/live/sse';
import { root } from '@/url/params';

/**
 * Reads a stream of server-sent events until it ends or is called off. A stream that
 * breaks is begun anew after a while, except when the server refuses it.
 */
export function follow(
  path: string,
  on: {
    open?(): void;
    event(e: ServerEvent): void;
    lost?(retryIn: number): void;
    end?(): void;
    failed(e: unknown): void;
  },
): () => void {
  const off = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  let attempt = 0;
  const run = async () => {
    try {
      const response = await fetch(`${root}${path}`, { signal: off.signal, headers: { Accept: 'text/event-stream' } });
      if (!response.ok || !response.body) {
        const body = await response.json().catch(() => undefined);
        on.failed(problemOf(response, body));
        if (response.status >= 500 || response.status === 429) again();
        return;
      }
      on.open?.();
      const parser = new EventParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const e of parser.push(decoder.decode(value, { stream: true }))) {
          attempt = 0;
          if (e.type === 'end') {
            on.end?.();
            off.abort();
            return;
          }
          on.event(e);
        }
      }
      again();
    } catch (e) {
      if (off.signal.aborted) return;
      if (e instanceof TypeError) again();
      else on.failed(e);
    }
  };
  const again = () => {
    if (off.signal.aborted) return;
    const wait = backoff(attempt++);
    on.lost?.(wait);
    timer = setTimeout(() => void run(), wait);
  };
  void run();
  return () => {
    clearTimeout(timer);
    off.abort();
  };
}
