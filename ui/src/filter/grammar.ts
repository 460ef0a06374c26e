/**
 * The grammar of filters, as internal/core/filter has it: terms that all have to
 * hold, FIELD:VALUES or a word, a minus in front turns one round. The server is the
 * judge of what a field may be; this only has to take a filter apart as it does, to
 * put terms in and take them out, and to tell news that matter from others.
 */
export interface Value {
  /** Lower case, as it is compared. */
  text: string;
  raw: string;
  quoted: boolean;
}

export interface Term {
  not: boolean;
  /** Undefined for a word. */
  field: string | undefined;
  values: Value[];
  /** Where it stands in the filter. */
  start: number;
  end: number;
}

export interface Mistake {
  at: number;
  what: string;
}

export interface Parsed {
  terms: Term[];
  mistake?: Mistake;
}

const blank = (c: string | undefined): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\n';

export function parse(text: string): Parsed {
  const terms: Term[] = [];
  let at = 0;
  try {
    for (;;) {
      while (blank(text[at])) at++;
      if (at >= text.length) return { terms };
      const term = readTerm(text, at);
      terms.push(term);
      at = term.end;
    }
  } catch (thrown) {
    if (thrown instanceof Stop) return { terms, mistake: thrown.mistake };
    throw thrown;
  }
}

class Stop extends Error {
  constructor(readonly mistake: Mistake) {
    super(mistake.what);
  }
}

const stop = (at: number, what: string): never => {
  throw new Stop({ at, what });
};

function readTerm(text: string, start: number): Term {
  let at = start;
  const not = text[at] === '-';
  if (not) at++;
  const first = readPiece(text, at, ':');
  at = first.end;
  if (text[at] !== ':' || first.quoted) {
    if (first.raw === '' && !first.quoted) stop(start, 'a term is missing after "-"');
    return { not, field: undefined, values: [readValue(first)], start, end: at };
  }
  const values: Value[] = [];
  do {
    at++; // the colon, or the comma
    const piece = readPiece(text, at, ',');
    if (piece.raw === '' && !piece.quoted) stop(at, `${first.raw}: has no value here`);
    values.push(readValue(piece));
    at = piece.end;
  } while (text[at] === ',');
  return { not, field: first.raw.toLowerCase(), values, start, end: at };
}

interface Piece {
  raw: string;
  quoted: boolean;
  end: number;
}

const readValue = ({ raw, quoted }: Piece): Value => ({ raw, quoted, text: raw.toLowerCase() });

function readPiece(text: string, start: number, stops: string): Piece {
  if (text[start] === '"') return readQuoted(text, start);
  let at = start;
  while (at < text.length && !blank(text[at]) && text[at] !== '"' && !stops.includes(text[at]!)) at++;
  if (text[at] === '"') stop(at, 'a quote inside a word');
  return { raw: text.slice(start, at), quoted: false, end: at };
}

function readQuoted(text: string, start: number): Piece {
  let out = '';
  let at = start + 1;
  while (at < text.length) {
    const c = text[at++]!;
    if (c === '"') {
      if (at < text.length && !blank(text[at]) && text[at] !== ',')
        stop(at, 'a blank or a comma is missing after the quote');
      return { raw: out, quoted: true, end: at };
    }
    if (c !== '\\') {
      out += c;
      continue;
    }
    const escaped = text[at++];
    if (escaped !== '"' && escaped !== '\\') stop(at - 1, 'only \\" and \\\\ are known after a backslash');
    out += escaped;
  }
  return stop(start, 'the quote is not closed');
}

/** A value as it has to be written. */
export function printValue(raw: string): string {
  if (raw === '' || /[\s",*?]/.test(raw)) return `"${raw.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
  return raw;
}

const plain = (text: string) => text.toLowerCase().replaceAll('-', '');
const same = (a: string, b: string) => plain(a) === plain(b);

/** The values that a filter asks a field for, outside terms that are turned round. */
export function valuesOf(text: string, field: string): string[] {
  return parse(text)
    .terms.filter((t) => t.field === field && !t.not)
    .flatMap((t) => t.values.map((v) => v.raw));
}

/** Whether a filter asks for this value of a field. */
export const asksFor = (text: string, field: string, value: string): boolean =>
  valuesOf(text, field).some((v) => same(v, value));

/**
 * Puts `field:value` into a filter, or takes it out when it is there. Values of one
 * field are alternatives, so a second one joins the first.
 */
export function toggle(text: string, field: string, value: string): string {
  const { terms } = parse(text);
  const term = terms.find((t) => t.field === field && !t.not);
  if (!term) return `${text.trimEnd()} ${field}:${printValue(value)}`.trimStart();
  const there = term.values.some((v) => same(v.raw, value));
  const values = there
    ? term.values.filter((v) => !same(v.raw, value)).map((v) => v.raw)
    : [...term.values.map((v) => v.raw), value];
  const written = values.length > 0 ? `${field}:${values.map(printValue).join(',')}` : '';
  return `${text.slice(0, term.start)}${written}${text.slice(term.end)}`.replace(/ {2,}/g, ' ').trim();
}

/** Takes all terms of a field out of a filter. */
export function without(text: string, field: string): string {
  let out = text;
  for (const term of parse(text)
    .terms.filter((t) => t.field === field)
    .reverse()) {
    out = out.slice(0, term.start) + out.slice(term.end);
  }
  return out.replace(/ {2,}/g, ' ').trim();
}

/** What a filter is held against, by the names of fields. */
export interface Subject {
  text: string;
  field(name: string): string | undefined;
}

/**
 * Whether a subject passes; undefined where only the server can tell, as with ages and
 * labels.
 */
export function matches(terms: readonly Term[], subject: Subject): boolean | undefined {
  let sure = true;
  for (const term of terms) {
    const holds = term.field === undefined ? subject.text.includes(term.values[0]!.text) : holdsField(term, subject);
    if (holds === undefined) sure = false;
    else if (holds === term.not) return false;
  }
  return sure ? true : undefined;
}

function holdsField(term: Term, subject: Subject): boolean | undefined {
  const got = subject.field(term.field!);
  if (got === undefined) return undefined;
  return term.values.some((v) =>
    v.quoted ? same(v.text, got) : same(v.text, got) || globbed(v.text).test(got.toLowerCase()),
  );
}

const globbed = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );

/** The term that the cursor is in, to complete it. */
export function wordAt(text: string, cursor: number): { start: number; end: number; word: string } {
  let start = cursor;
  while (start > 0 && !blank(text[start - 1])) start--;
  let end = cursor;
  while (end < text.length && !blank(text[end])) end++;
  return { start, end, word: text.slice(start, cursor) };
}
