import { type LiveEvent, topicOf } from './events';
import { before, type LiveHappening, type LiveState, reduce } from './state';
import { Stream } from './stream';

/** A hidden browser gives its connection back after this long. */
const rest = 60_000;
/** Tabs say every so often what they want; one that was not heard for three times as long is gone. */
const beat = 10_000;

type Word =
  | { type: 'event'; event: LiveEvent }
  | { type: 'happening'; what: LiveHappening; lastId: string }
  | { type: 'state'; state: LiveState; lastId: string }
  | { type: 'want'; tab: string; topics: string[] }
  | { type: 'who' }
  | { type: 'bye'; tab: string };

type Handler = (event: LiveEvent) => void;

/**
 * One stream for all tabs of a browser: the tab that holds a lock reads it and
 * tells the others, since a browser allows only six plain HTTP connections to a
 * server. Where locks are not to be had each tab reads its own.
 */
export class Hub {
  private readonly tab = Math.random().toString(36).slice(2);
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly others = new Map<string, { topics: string[]; heard: number }>();
  private readonly listeners = new Set<() => void>();
  private readonly channel =
    typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('lockstep-live');
  private readonly stream: Stream;
  private state = before;
  private leading = false;
  private release: (() => void) | undefined;
  private waiting: AbortController | undefined;
  private lastId = '';
  private asked = '';
  private queue: LiveEvent[] = [];
  private frame = 0;
  private hidden: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.stream = new Stream({
      topics: () => this.topics(),
      onEvent: (event) => {
        this.say({ type: 'event', event });
        this.take(event);
      },
      onHappening: (what) => {
        this.lastId = this.stream?.position ?? '';
        this.say({ type: 'happening', what, lastId: this.lastId });
        this.happened(what);
      },
    });
  }

  /** Begins; called once, by the shell of a signed-in person. */
  start(): () => void {
    if (this.channel) this.channel.onmessage = (m: MessageEvent<Word>) => this.hear(m.data);
    const onVisible = () => this.visibility();
    const onBye = () => this.say({ type: 'bye', tab: this.tab });
    const onOnline = () => this.stream.again();
    document.addEventListener('visibilitychange', onVisible);
    window.addEventListener('pagehide', onBye);
    window.addEventListener('online', onOnline);
    const timer = setInterval(() => this.pulse(), beat);
    this.say({ type: 'who' });
    this.want();
    this.seek();
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      window.removeEventListener('pagehide', onBye);
      window.removeEventListener('online', onOnline);
      clearInterval(timer);
      this.yield();
      onBye();
    };
  }

  /** Hears events of a topic until called off. */
  on(topic: string, handler: Handler): () => void {
    const set = this.handlers.get(topic) ?? new Set();
    set.add(handler);
    this.handlers.set(topic, set);
    this.want();
    return () => {
      set.delete(handler);
      if (set.size === 0) this.handlers.delete(topic);
      this.want();
    };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): LiveState => this.state;

  /** Said by whoever fetched anew after a resync. */
  caughtUp() {
    this.happened({ type: 'caught-up' });
  }

  /** Tries now instead of when the wait is over, or again after signing in. */
  retry() {
    if (this.leading) {
      this.stream.start();
      this.stream.again();
      return;
    }
    this.seek();
  }

  private seek() {
    if (this.leading || this.waiting) return;
    if (!navigator.locks) {
      this.lead();
      return;
    }
    const waiting = new AbortController();
    this.waiting = waiting;
    navigator.locks
      .request('lockstep-live', { signal: waiting.signal }, () => {
        this.waiting = undefined;
        this.lead();
        return new Promise<void>((done) => {
          this.release = done;
        });
      })
      .catch(() => {
        // Called off while waiting.
      });
  }

  private lead() {
    this.leading = true;
    this.say({ type: 'who' });
    this.asked = this.topics().join();
    this.stream.start(this.lastId);
  }

  private yield() {
    this.waiting?.abort();
    this.waiting = undefined;
    this.leading = false;
    this.stream.stop();
    this.release?.();
    this.release = undefined;
  }

  private visibility() {
    clearTimeout(this.hidden);
    if (document.visibilityState === 'hidden') {
      this.hidden = setTimeout(() => this.yield(), rest);
      return;
    }
    this.seek();
    if (this.leading) this.stream.awake();
  }

  private topics(): string[] {
    // Every page says whether it is live, so there is always something to hear.
    const all = new Set(['fleet', ...this.handlers.keys()]);
    for (const { topics } of this.others.values()) for (const t of topics) all.add(t);
    // The server takes sixteen; whoever opened more tabs sees the rest change less often.
    return [...all].sort().slice(0, 16);
  }

  private want() {
    this.say({ type: 'want', tab: this.tab, topics: [...this.handlers.keys()] });
    this.retune();
  }

  /** Connects anew if other topics are wanted than were asked for; soon, as pages change many at once. */
  private retune() {
    if (!this.leading) return;
    setTimeout(() => {
      const topics = this.topics().join();
      if (!this.leading || topics === this.asked) return;
      this.asked = topics;
      this.stream.again();
    }, 50);
  }

  private pulse() {
    for (const [tab, { heard }] of this.others) if (Date.now() - heard > 3 * beat) this.others.delete(tab);
    this.want();
  }

  private say(word: Word) {
    this.channel?.postMessage(word);
  }

  private hear(word: Word) {
    switch (word.type) {
      case 'event':
        if (!this.leading) this.take(word.event);
        return;
      case 'happening':
        this.lastId = word.lastId || this.lastId;
        if (!this.leading) this.happened(word.what);
        return;
      case 'state':
        if (this.leading) return;
        this.lastId = word.lastId || this.lastId;
        this.state = word.state;
        this.tell();
        return;
      case 'who':
        this.want();
        if (this.leading) this.say({ type: 'state', state: this.state, lastId: this.lastId });
        return;
      case 'want':
        this.others.set(word.tab, { topics: word.topics, heard: Date.now() });
        this.retune();
        return;
      case 'bye':
        this.others.delete(word.tab);
        return;
    }
  }

  private happened(what: LiveHappening) {
    const next = reduce(this.state, what, Date.now());
    const quiet = what.type === 'heard' && next.phase === this.state.phase;
    this.state = quiet ? Object.assign(this.state, { heard: next.heard }) : next;
    if (!quiet) this.tell();
  }

  private tell() {
    for (const listener of this.listeners) listener();
  }

  /** Events of one frame are handed on together: a burst costs one repaint. */
  private take(event: LiveEvent) {
    this.queue.push(event);
    if (this.frame) return;
    const flush = () => {
      this.frame = 0;
      const events = this.queue;
      this.queue = [];
      for (const e of events) for (const handler of this.heardBy(e)) handler(e);
    };
    // A hidden page has no frames, and its queue must not grow.
    this.frame =
      document.visibilityState === 'hidden'
        ? (setTimeout(flush, 250) as unknown as number)
        : requestAnimationFrame(flush);
  }

  private *heardBy(event: LiveEvent): Iterable<Handler> {
    const topic = topicOf(event);
    if (topic === '*') for (const set of this.handlers.values()) yield* set;
    else if (topic !== undefined) yield* this.handlers.get(topic) ?? [];
  }
}
