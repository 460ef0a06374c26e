import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

/**
 * Search parameters with types: what a view shows is in its URL, so that it can
 * be sent to somebody else. A value that equals its default is left out, one that
 * cannot be read counts as the default, and parameters of others are kept.
 */
export interface Param<T> {
  fallback: T;
  read(raw: string): T | undefined;
  write(value: T): string;
}

// biome-ignore lint/suspicious/noExplicitAny: a schema holds parameters of any type
type AnySchema = Record<string, Param<any>>;
export type Values<S extends AnySchema> = { [K in keyof S]: S[K] extends Param<infer T> ? T : never };

export const text = (fallback = ''): Param<string> => ({ fallback, read: (raw) => raw, write: (value) => value });

export const oneOf = <const T extends string>(values: readonly T[], fallback: NoInfer<T>): Param<T> => ({
  fallback,
  read: (raw) => values.find((v) => v === raw),
  write: (value) => value,
});

export const whole = (fallback: number): Param<number> => ({
  fallback,
  read: (raw) => (/^\d{1,9}$/.test(raw) ? Number(raw) : undefined),
  write: String,
});

export const list = (): Param<string[]> => ({
  fallback: [],
  read: (raw) => raw.split(',').filter(Boolean),
  write: (value) => value.join(','),
});

export function readParams<S extends AnySchema>(schema: S, search: string): Values<S> {
  const given = new URLSearchParams(search);
  const out: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(schema)) {
    const raw = given.get(name);
    out[name] = (raw === null ? undefined : param.read(raw)) ?? param.fallback;
  }
  return out as Values<S>;
}

export function writeParams<S extends AnySchema>(schema: S, search: string, patch: Partial<Values<S>>): string {
  const out = new URLSearchParams(search);
  for (const [name, value] of Object.entries(patch)) {
    const param = schema[name];
    if (!param) continue;
    const raw = value === undefined ? '' : param.write(value as never);
    if (value === undefined || raw === param.write(param.fallback as never)) out.delete(name);
    else out.set(name, raw);
  }
  // Colons and commas are legal in a query and far easier to read unescaped.
  return out.toString().replace(/%3A/gi, ':').replace(/%2C/gi, ',').replace(/%2F/gi, '/');
}

/** The address of a view: path plus those values that differ from their defaults. */
export function hrefOf<S extends AnySchema>(path: string, schema: S, values: Partial<Values<S>>): string {
  const search = writeParams(schema, '', values);
  return search ? `${path}?${search}` : path;
}

export interface SetOptions {
  /** Typing into a filter replaces the entry of the history; choosing a view adds one. */
  replace?: boolean;
}

export function useParams<S extends AnySchema>(
  schema: S,
): [Values<S>, (patch: Partial<Values<S>>, options?: SetOptions) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const values = useMemo(() => readParams(schema, search), [schema, search]);
  const set = useCallback(
    (patch: Partial<Values<S>>, options: SetOptions = {}) => {
      // From the window: two changes in one frame must not undo each other.
      const next = writeParams(schema, window.location.search, patch);
      if (next === window.location.search.replace(/^\?/, '')) return;
      navigate(`${pathname()}${next ? `?${next}` : ''}`, { replace: options.replace ?? false });
    },
    [schema, navigate],
  );
  return [values, set];
}

/** Where the UI is served from, without a slash at the end: "" or "/lockstep". */
export const root = new URL(document.baseURI).pathname.replace(/\/[^/]*$/, '');

function pathname(): string {
  const path = window.location.pathname;
  return path.startsWith(root) ? path.slice(root.length) || '/' : path;
}
