/** One event as it arrives. `id` is the server's position, to resume from. */
export interface ServerEvent {
  id: string;
  type: string;
  data: string;
}

/**
 * Reads server-sent events out of text that arrives in pieces. Own, because the
 * browser's EventSource hides the status of a refusal, and 401 must end the trying.
 */
export class EventParser {
  private rest = '';
  private id = '';
  private type = '';
  private data: string[] = [];

  push(piece: string): ServerEvent[] {
    const out: ServerEvent[] = [];
    // A carriage return at the end may be half of a line break.
    const text = this.rest + piece;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) out.push({ id: this.id, type: this.type || 'message', data: this.data.join('\n') });
        this.type = '';
        this.data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') this.data.push(value);
      if (field === 'event') this.type = value;
      if (field === 'id' && !value.includes('\0')) this.id = value;
    }
    return out;
  }
}

/** How long to wait before trying again: doubling from half a second to thirty, ±25 % so that clients spread. */
export function backoff(attempt: number, random: number = Math.random()): number {
  const base = Math.min(500 * 2 ** Math.max(attempt, 0), 30_000);
  return Math.round(base * (0.75 + random * 0.5));
}
