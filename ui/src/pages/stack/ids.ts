import { stackHref } from '@/url/hrefs';
import type { StackName } from './types';

export interface ObjectKey {
  group: string;
  kind: string;
  namespace: string;
  name: string;
}

const dash = (s: string) => s || '-';
const undash = (s: string) => (s === '-' ? '' : s);

/** The parts of an address after …/resources/; a dash stands for what an object has not. */
export const objectPath = (o: ObjectKey): string =>
  [dash(o.group), o.kind, dash(o.namespace), o.name].map(encodeURIComponent).join('/');

export const objectHref = (s: StackName, o: ObjectKey, search = ''): string =>
  stackHref(s, `resources/${objectPath(o)}${search}`);

/** Reads what objectPath wrote; undefined for anything else. */
export function readObjectPath(path: string): ObjectKey | undefined {
  const parts = path.split('/');
  if (parts.length !== 4 || parts.some((p) => p === '')) return undefined;
  try {
    const [group, kind, namespace, name] = parts.map(decodeURIComponent) as [string, string, string, string];
    return { group: undash(group), kind, namespace: undash(namespace), name };
  } catch {
    return undefined;
  }
}

/** KIND.GROUP/NAMESPACE/NAME, as the server writes it. */
export const idOf = (o: ObjectKey): string =>
  `${o.kind}${o.group && `.${o.group}`}/${o.namespace && `${o.namespace}/`}${o.name}`;

/** Reads an id. */
export function keyOf(id: string): ObjectKey {
  const [type = '', ...rest] = id.split('/');
  const dot = type.indexOf('.');
  const kind = dot < 0 ? type : type.slice(0, dot);
  const group = dot < 0 ? '' : type.slice(dot + 1);
  return { kind, group, namespace: rest.length > 1 ? (rest[0] ?? '') : '', name: rest.at(-1) ?? '' };
}
