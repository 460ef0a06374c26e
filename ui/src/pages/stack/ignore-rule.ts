import type { ObjectKey } from './ids';

/**
 * The rule that makes a Stack ignore a field. A path of plain names becomes a JSON
 * pointer; one that goes through items of a list becomes a jq path, since a pointer
 * would count them.
 */
export function ignoreRule(o: ObjectKey, f: { path: string }): string {
  const steps = parsePath(f.path);
  const pointer = steps.every((s) => typeof s === 'string');
  const where = pointer
    ? [
        '    jsonPointers:',
        `      - ${quote(`/${(steps as string[]).map((s) => s.replace(/~/g, '~0').replace(/\//g, '~1')).join('/')}`)}`,
      ]
    : ['    jqPaths:', `      - ${quote(jq(steps))}`];
  return [
    'spec:',
    '  ignoreDifferences:',
    `  - kind: ${quote(o.kind)}`,
    ...(o.group ? [`    group: ${quote(o.group)}`] : []),
    ...(o.namespace ? [`    namespace: ${quote(o.namespace)}`] : []),
    `    name: ${quote(o.name)}`,
    ...where,
    '',
  ].join('\n');
}

type Step = string | { keys: [string, string][] } | { value: string };

/** Reads a.b[name=x,port=80]."c/d"["e.f"] as the server prints paths. */
export function parsePath(path: string): Step[] {
  const out: Step[] = [];
  const re = /\.?([^.[\]"]+)|\["((?:[^"\\]|\\.)*)"\]|\[([^\]]*)\]/gy;
  for (let m = re.exec(path); m; m = re.exec(path)) {
    if (m[1] !== undefined) out.push(m[1]);
    else if (m[2] !== undefined) out.push(JSON.parse(`"${m[2]}"`) as string);
    else if (m[3]?.includes('=')) {
      out.push({
        keys: m[3].split(',').map((pair) => {
          const at = pair.indexOf('=');
          return [pair.slice(0, at), pair.slice(at + 1)];
        }),
      });
    } else out.push({ value: m[3] ?? '' });
  }
  return out;
}

const jq = (steps: Step[]): string =>
  steps
    .map((s) => {
      if (typeof s === 'string') return /^[A-Za-z_]\w*$/.test(s) ? `.${s}` : `[${JSON.stringify(s)}]`;
      if ('keys' in s) return `[] | select(${s.keys.map(([k, v]) => `.${k} == ${literal(v)}`).join(' and ')}) | `;
      return /^\d+$/.test(s.value) ? `[${s.value}]` : `[] | select(. == ${s.value}) | `;
    })
    .join('')
    .replace(/ \| $/, '')
    .replace(/ \| \[/g, ' | .[')
    .replace(/^\[/, '.[');

const literal = (v: string) => (/^(\d+|true|false|".*")$/.test(v) ? v : JSON.stringify(v));

/** YAML reads plain words as they are, and everything else in quotes. */
const quote = (s: string) =>
  /^[A-Za-z][\w./-]*$/.test(s) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(s) ? s : `'${s.replace(/'/g, "''")}'`;
