import { root } from '@/url/params';
import { type LiveEvent, parseEvent } from './events';
import { backoff, EventParser, type ServerEvent } from './sse';
import type { LiveHappening } from './state';

/** Without a byte for this long a stream is dead: pings come every 15 s. */
const silence = 40_000;
/** After sleep the stream may be dead without anybody having said so. */
const stale = 20_000;

interface StreamOptions {
  topics: () => string[];
  onEvent(event: LiveEvent): void;
  onHappening(what: LiveHappening): void;
  fetch?: typeof fetch;
}

/**
 * Keeps one connection to /api/v1/events: resumes where it stopped, waits longer
 * after each failure, and ends for good when the server says who one is not.
 */
export class Stream {
  private abort: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private heard = 0;
  private lastId = '';
  private stopped = true;
  private refused = false;

  constructor(private readonly options: StreamOptions) {}

  start(lastId = '') {
    if (!this.stopped) return;
    this.stopped = false;
    this.lastId = lastId || this.lastId;
    void this.run();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  /** Connects anew at once, as when topics changed or the network came back. */
  again() {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.abort?.abort();
    void this.run();
  }

  /** For a tab that became visible: it may have slept through the end of the stream. */
  awake() {
    if (!this.stopped && Date.now() - this.heard > stale) this.again();
  }

  get position(): string {
    return this.lastId;
  }

  private async run() {
    const abort = new AbortController();
    this.abort = abort;
    this.options.onHappening({ type: 'trying' });
    try {
      const refused = await this.read(abort);
      if (refused) {
        this.stopped = true;
        this.options.onHappening({ type: 'refused' });
        return;
      }
    } catch {
      // Lost connections and failures of the server are waited out alike.
    }
    if (this.abort !== abort || this.stopped) return;
    const wait = backoff(this.attempt++);
    this.options.onHappening({ type: 'lost', retryAt: Date.now() + wait });
    this.timer = setTimeout(() => void this.run(), wait);
  }

  /** Reads until the stream ends; true if the server refused. */
  private async read(abort: AbortController): Promise<boolean> {
    this.refused = false;
    const topics = this.options.topics();
    const url = `${root}/api/v1/events?topics=${topics.map(encodeURIComponent).join(',')}`;
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.lastId) headers['Last-Event-ID'] = this.lastId;
    const response = await (this.options.fetch ?? fetch)(url, { headers, signal: abort.signal, cache: 'no-store' });
    if (response.status === 401 || response.status === 403) return true;
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);

    this.heard = Date.now();
    const watchdog = setInterval(() => {
      if (Date.now() - this.heard > silence) abort.abort();
    }, 5_000);
    try {
      const parser = new EventParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return this.refused;
        this.heard = Date.now();
        this.options.onHappening({ type: 'heard' });
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.take(event);
      }
    } finally {
      clearInterval(watchdog);
    }
  }

  private take(raw: ServerEvent) {
    this.attempt = 0;
    const resuming = this.lastId !== '';
    if (raw.id) this.lastId = raw.id;
    const event = parseEvent(raw);
    if (!event) return;
    if (event.type === 'hello') {
      this.options.onHappening({ type: 'hello', build: event.data.build });
      // What was missed does not follow: the same as being told to read anew.
      if (resuming && !event.data.resumed) {
        this.take({ id: '', type: 'resync', data: JSON.stringify({ reason: 'behind', version: event.data.version }) });
      }
      return;
    }
    if (event.type === 'bye') this.refused ||= event.data.reason === 'signedOut';
    if (event.type === 'resync') this.options.onHappening({ type: 'resync' });
    this.options.onEvent(event);
  }
}
