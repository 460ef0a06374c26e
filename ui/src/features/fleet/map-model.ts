import type { MapState, StackMap, StackRow } from '@/api/types';
import { healthShapes, stepShapes, type Tone } from '@/parts/status-mark';
import { keyOf } from './news';

export interface MapGroup {
  name: string;
  first: number;
  size: number;
}

/** The map as it is drawn: groups in order, and of each cell its name and state. */
export interface MapModel {
  groups: MapGroup[];
  names: string[];
  /** Index into legend. */
  states: Uint8Array;
  legend: MapState[];
  /** The tone of each legend entry. */
  tones: Tone[];
  index: Map<string, number>;
}

const severity: Record<Tone, number> = { bad: 4, warn: 3, info: 2, idle: 1, ok: 0 };

/** The worse of the two: one colour for a cell, its words on hover. */
export function toneOf(state: MapState): Tone {
  const a = healthShapes[state.health].tone;
  const b = stepShapes[state.step].tone;
  return severity[a] >= severity[b] ? a : b;
}

/**
 * Reads the columns of the answer. Groups with the most that is wrong come first, as
 * of now: they keep their places until the map is read anew.
 */
export function readMap(map: StackMap, byNamespace: boolean): MapModel {
  const legend = [...map.legend];
  const tones = legend.map(toneOf);
  const codes = Uint8Array.from(map.states, (c) => Number.parseInt(c, 36));
  let at = 0;
  const read = map.groups.map((name, i) => {
    const first = at;
    at += map.sizes[i] ?? 0;
    let weight = 0;
    for (let cell = first; cell < at; cell++) {
      const tone = tones[codes[cell]!] ?? 'idle';
      weight += tone === 'bad' ? 10_000 : tone === 'warn' ? 100 : tone === 'info' ? 1 : 0;
    }
    return { name, first, size: at - first, weight };
  });
  read.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));

  const names: string[] = [];
  const states = new Uint8Array(at);
  const index = new Map<string, number>();
  const groups = read.map(({ name, first, size }) => {
    const start = names.length;
    for (let cell = first; cell < first + size; cell++) {
      const full = byNamespace ? `${name}/${map.names[cell]}` : map.names[cell]!;
      states[names.length] = codes[cell]!;
      index.set(full, names.length);
      names.push(full);
    }
    return { name, first: start, size };
  });
  return { groups, names, states, legend, tones, index };
}

/** Paints rows that changed into the model; returns how many are not on the map. */
export function patchMap(model: MapModel, rows: readonly StackRow[]): number {
  let absent = 0;
  for (const row of rows) {
    const cell = model.index.get(keyOf(row));
    if (cell === undefined) {
      absent++;
      continue;
    }
    let code = model.legend.findIndex((l) => l.health === row.health && l.step === row.step);
    if (code < 0) {
      const state = { health: row.health, step: row.step };
      code = model.legend.push(state) - 1;
      model.tones.push(toneOf(state));
    }
    model.states[cell] = code;
  }
  return absent;
}

/** How many cells of a group have each tone. */
export function tonesOf(model: MapModel, group: MapGroup): Record<Tone, number> {
  const out: Record<Tone, number> = { bad: 0, warn: 0, info: 0, idle: 0, ok: 0 };
  for (let cell = group.first; cell < group.first + group.size; cell++)
    out[model.tones[model.states[cell]!] ?? 'idle']++;
  return out;
}
