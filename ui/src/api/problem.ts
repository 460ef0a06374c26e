/**
 * What went wrong, as the server says it (RFC 9457): `title` names the kind,
 * `detail` what happened to which object, `hint` what to do next.
 */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
  /** The object, or the file and line, that it is about. */
  readonly place: string;
  readonly requestId: string;

  constructor(from: {
    status: number;
    title?: string;
    detail?: string;
    hint?: string;
    place?: string;
    requestId?: string;
  }) {
    super(from.detail || from.title || `status ${from.status}`);
    this.name = 'Problem';
    this.status = from.status;
    this.title = worded(from.title) || titles[from.status] || 'Something went wrong';
    this.detail = from.detail ?? '';
    this.hint = from.hint ?? '';
    this.place = from.place ?? '';
    this.requestId = from.requestId ?? '';
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  /** Asking again may help: the server or the way to it is the trouble, not the question. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const titles: Record<number, string> = {
  0: 'The server cannot be reached',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'It changed meanwhile',
  429: 'Too many requests',
  500: 'The server failed',
  502: 'The server cannot be reached',
  503: 'The server is not available',
};

/** NotFound is a name for programs; people read "Not found". */
function worded(title = ''): string {
  const words = title.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Makes a Problem of whatever was thrown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof TypeError) {
    return new Problem({
      status: 0,
      detail: 'No answer came from the server.',
      hint: 'Is `lockstep serve` running, and does the network let you reach it?',
    });
  }
  return new Problem({
    status: 500,
    title: 'The page failed',
    detail: thrown instanceof Error ? thrown.message : String(thrown),
  });
}

/** Reads the body of an answer that is not 2xx; not every proxy on the way speaks problem+json. */
export function problemOf(response: Response, body: unknown): Problem {
  const said = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const str = (key: string) => (typeof said[key] === 'string' ? (said[key] as string) : undefined);
  return new Problem({
    status: response.status,
    title: str('title'),
    detail: str('detail') ?? (typeof body === 'string' && body.length < 400 ? body : undefined),
    hint: str('hint'),
    place: str('place'),
    requestId: response.headers.get('X-Request-Id') ?? undefined,
  });
}
