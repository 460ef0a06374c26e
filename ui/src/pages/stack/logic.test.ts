import { describe, expect, test } from 'vitest';
import { counts, fold, pairs } from './fold';
import { cards, settled } from './group';
import { idOf, keyOf, objectHref, readObjectPath } from './ids';
import { ignoreRule, parsePath } from './ignore-rule';
import { append, empty, plain, search } from './log-buffer';
import { layout, visible } from './tree-layout';
import type { Resource } from './types';

const resource = (id: string, more: Partial<Resource> = {}): Resource => ({
  ...keyOf(id),
  id,
  managed: true,
  health: 'Healthy',
  step: 'inStep',
  ...more,
});

describe('ids', () => {
  test('an object is the same after its address was written and read', () => {
    for (const o of [
      { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
      { group: '', kind: 'Namespace', namespace: '', name: 'shop' },
      { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'system:node/<b>x</b>' },
    ]) {
      const href = objectHref({ namespace: 'a', name: 'b' }, o);
      expect(readObjectPath(href.split('/resources/')[1] ?? '')).toEqual(o);
    }
  });

  test('an id is read back', () => {
    expect(keyOf('Deployment.apps/shop/web')).toEqual({
      group: 'apps',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web',
    });
    for (const id of ['Namespace/shop', 'ConfigMap/shop/web', 'Issuer.cert-manager.io/x/y'])
      expect(idOf(keyOf(id))).toBe(id);
  });

  test('half an address is none', () => {
    expect(readObjectPath('apps/Deployment')).toBeUndefined();
    expect(readObjectPath('apps/Deployment//web')).toBeUndefined();
    expect(readObjectPath('%E0%A4%A/a/b/c')).toBeUndefined();
  });
});

describe('the tree', () => {
  const nodes = [
    { id: 'a' },
    { id: 'a1', parent: 'a' },
    { id: 'a2', parent: 'a' },
    { id: 'b' },
    { id: 'b1', parent: 'b' },
  ];
  const at = (placed: ReturnType<typeof layout>) => new Map(placed.map((p) => [p.id, [p.x, p.y]]));

  test('positions follow from the set of keys, whatever the order they come in', () => {
    const one = at(layout(nodes));
    for (const shuffled of [[...nodes].reverse(), [nodes[3]!, nodes[1]!, nodes[0]!, nodes[4]!, nodes[2]!]]) {
      expect(at(layout(shuffled))).toEqual(one);
    }
  });

  test('what is not a key moves nothing', () => {
    expect(at(layout(nodes.map((n) => ({ ...n, health: 'Degraded' }))))).toEqual(at(layout(nodes)));
  });

  test('no two nodes overlap, and a parent is left of its children', () => {
    const placed = layout(nodes);
    expect(new Set(placed.map((p) => `${p.x},${p.y}`)).size).toBe(placed.length);
    for (const p of placed.filter((x) => x.parent)) {
      expect(placed.find((x) => x.id === p.parent)!.x).toBeLessThan(p.x);
    }
  });

  test('a big tree opens folded, but the way to a problem is open', () => {
    const many = [{ id: 'r' }, { id: 'm', parent: 'r' }];
    for (let i = 0; i < 400; i++) many.push({ id: `p${i}`, parent: 'm' });
    expect(layout(many).length).toBeLessThan(10);
    expect(layout(many).find((p) => p.id === 'm')?.folded).toBe(400);
    expect(layout(many, { reveal: new Set(['p7']) }).some((p) => p.id === 'p7')).toBe(true);
  });

  test('owners in a circle do not hang it', () => {
    expect(
      layout([
        { id: 'a', parent: 'b' },
        { id: 'b', parent: 'a' },
        { id: 'c', parent: 'c' },
      ]).map((p) => p.id),
    ).toEqual(['c']);
  });

  test('only what can be seen is drawn', () => {
    const many = Array.from({ length: 200 }, (_, i) => ({ id: `n${i}` }));
    const placed = layout(many);
    expect(visible(placed, 0, 0, 500, 520).length).toBeLessThan(15);
  });
});

describe('cards', () => {
  const web = resource('Deployment.apps/s/web', { card: 'Deployment.apps/s/web' });
  const items = [
    web,
    resource('Service/s/web', { card: web.id }),
    resource('ConfigMap/s/shared'),
    resource('Pod/s/web-1', { card: web.id, parent: web.id, managed: false, step: 'made', health: 'Degraded' }),
  ];

  test('a workload has its pods and what serves it; the rest is by kind', () => {
    const got = cards(items, 'workload');
    expect(got.map((c) => [c.title, c.pods.length, c.parts.length, c.problem])).toEqual([
      ['web', 1, 1, true],
      ['ConfigMap', 0, 1, false],
    ]);
  });

  test('what is ill stays where it is', () => {
    const well = items.map((r) => ({ ...r, health: 'Healthy' as const }));
    expect(cards(items, 'workload').map((c) => c.id)).toEqual(cards(well, 'workload').map((c) => c.id));
  });

  test('arrivals wait until they are asked for', () => {
    expect(settled(new Set(['a', 'b']), ['a', 'b', 'c'])).toEqual({ show: new Set(['a', 'b']), fresh: ['c'] });
    expect(settled(new Set(['a', 'b']), ['b'])).toEqual({ show: new Set(['b']), fresh: [] });
  });
});

describe('the diff', () => {
  const text = (change?: number) =>
    Array.from({ length: 50 }, (_, i) => (i === change ? 'changed' : `line ${i}`)).join('\n');

  test('what is far from a change is folded', () => {
    const rows = fold(text(), text(25));
    expect(rows.filter((r) => r.kind === 'fold').map((r) => r.hidden?.length)).toEqual([22, 21]);
    expect(counts(rows)).toEqual({ added: 1, removed: 1 });
  });

  test('nothing is lost by folding', () => {
    const rows = fold(text(3), text(40)).flatMap((r) => r.hidden ?? [r]);
    const side = (k: 'added' | 'removed') =>
      rows
        .filter((r) => r.kind === 'same' || r.kind === k)
        .map((r) => r.text)
        .join('\n');
    expect(side('removed')).toBe(text(3));
    expect(side('added')).toBe(text(40));
  });

  test('what took the place of something is beside it', () => {
    expect(pairs(fold('a\nb\nc', 'a\nB\nc')).map((p) => [p.left?.text, p.right?.text])).toEqual([
      ['a', 'a'],
      ['b', 'B'],
      ['c', 'c'],
    ]);
  });

  test('equal texts have no rows of change', () =>
    expect(counts(fold('a\nb\n', 'a\nb\n'))).toEqual({ added: 0, removed: 0 }));
});

describe('ignoring a field', () => {
  const web = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' };

  test('plain names become a pointer', () => {
    expect(ignoreRule(web, { path: 'spec.replicas' })).toContain("jsonPointers:\n      - '/spec/replicas'");
    expect(ignoreRule(web, { path: 'metadata.annotations["a/b~c"]' })).toContain('/metadata/annotations/a~1b~0c');
  });

  test('items of lists are found by their keys', () => {
    expect(ignoreRule(web, { path: 'spec.template.spec.containers[name=web].image' })).toContain(
      '.spec.template.spec.containers[] | select(.name == "web") | .image',
    );
    expect(parsePath('a[containerPort=80,protocol=TCP]["x.y"]')).toEqual([
      'a',
      {
        keys: [
          ['containerPort', '80'],
          ['protocol', 'TCP'],
        ],
      },
      'x.y',
    ]);
  });

  test('a hostile name stays a string', () => {
    expect(ignoreRule({ ...web, name: "x'\n- evil" }, { path: 'spec.a' })).not.toContain("\n- evil'\n    name");
    expect(ignoreRule({ ...web, name: 'true' }, { path: 'spec.a' })).toContain("name: 'true'");
  });
});

describe('logs', () => {
  const line = (text: string) => ({ text, pod: 'web-1', container: 'web' });

  test('the oldest lines go, and the numbers go on', () => {
    let b = empty;
    for (let i = 0; i < 30; i++) b = append(b, [line(`${i}`)], 10);
    expect(b.lines.length).toBe(10);
    expect(b.dropped).toBe(20);
    expect(b.lines[0]?.n).toBe(20);
  });

  test('text is found without regard to case', () => {
    const b = append(empty, [line('GET /a'), line('POST /b')]);
    expect(search(b.lines, 'get').map((l) => l.text)).toEqual(['GET /a']);
  });

  test('colours of a terminal are left out', () => expect(plain('\x1b[31mred\x1b[0m')).toBe('red'));
});
