// Holds what a browser has to fetch to its budget, from Vite's manifest of the build:
// the first route, every route, styles and fonts. Sizes are those of gzip, as served.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const kB = 1000;
const budgets = { first: 130 * kB, route: 220 * kB, css: 20 * kB, fonts: 100 * kB };

const sizes = new Map();
function size(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length);
  return sizes.get(file);
}

/** All chunks that a page cannot be shown without. */
function needed(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const dependency of manifest[key].imports ?? []) needed(dependency, seen);
  return seen;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const pages = Object.keys(manifest).filter((key) => /^src\/pages\/[^/]+(\/index)?\.tsx$/.test(key));
const sum = (keys, of) => [...keys].reduce((total, key) => total + of(manifest[key]), 0);
const styles = (chunk) => (chunk.css ?? []).reduce((total, file) => total + size(file), 0);
// Latin only: the others are fetched when a name needs them.
const fonts = Object.values(manifest)
  .filter((chunk) => /latin-wght-normal.*\.woff2$/.test(chunk.file))
  .reduce((total, chunk) => total + readFileSync(new URL(chunk.file, dist)).length, 0);

const nameOf = (page) => page.slice('src/pages/'.length, -'.tsx'.length).replace('/index', '');

const rows = [];
for (const page of pages) {
  const chunks = needed(page, needed(entry));
  const first = page === 'src/pages/fleet.tsx';
  rows.push([
    `js ${nameOf(page)}`,
    sum(chunks, (c) => (c.file.endsWith('.js') ? size(c.file) : 0)),
    first ? budgets.first : budgets.route,
  ]);
  rows.push([`css ${nameOf(page)}`, sum(chunks, styles), budgets.css]);
}
// A view of the first page that is fetched when it is chosen is no way around its budget.
const map = 'src/features/fleet/map.tsx';
const withMap = needed(map, needed('src/pages/fleet.tsx', needed(entry)));
rows.push(['js fleet, map', sum(withMap, (c) => (c.file.endsWith('.js') ? size(c.file) : 0)), budgets.first]);
rows.push(['fonts', fonts, budgets.fonts]);

let failed = pages.length === 0 || fonts === 0;
if (failed) console.error('the manifest names no pages or no fonts: is the build of another shape?');
for (const [what, bytes, budget] of rows) {
  const over = bytes > budget;
  failed ||= over;
  if (over || !what.startsWith('css')) {
    console.log(
      `${what.padEnd(16)} ${(bytes / kB).toFixed(1).padStart(6)} kB of ${(budget / kB).toFixed(0).padStart(3)}${over ? '  OVER' : ''}`,
    );
  }
}
process.exit(failed ? 1 : 0);
