import type { Tone } from '@/parts/status-mark';
import { type MapLayout, titleHeight } from './map-layout';
import type { MapModel } from './map-model';

export interface Palette {
  cells: Record<Tone, string>;
  signs: Record<Tone, string>;
  text: string;
  muted: string;
  focus: string;
}

/** Colours as the page has them now; a canvas cannot name them. */
export function readPalette(from: HTMLElement): Palette {
  // A new one for each: a change of one that is there may be a transition from the last.
  const colour = (name: string) => {
    const probe = document.createElement('span');
    probe.style.color = `var(--${name})`;
    from.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const palette: Palette = {
    cells: {
      ok: colour('cell-ok'),
      idle: colour('cell-idle'),
      info: colour('cell-info'),
      warn: colour('cell-warn'),
      bad: colour('cell-bad'),
    },
    signs: { ok: '', idle: colour('muted'), info: colour('bg'), warn: colour('cell-sign'), bad: colour('cell-sign') },
    text: colour('text'),
    muted: colour('muted'),
    focus: colour('accent'),
  };
  return palette;
}

interface Scene {
  model: MapModel;
  layout: MapLayout;
  palette: Palette;
  /** The part that can be seen. */
  top: number;
  width: number;
  height: number;
  cursor?: number;
}

/** Paints what can be seen of the map. Each tone has a sign beside its colour. */
export function paintMap(to: CanvasRenderingContext2D, scene: Scene) {
  const { model, layout, palette, top, width, height, cursor } = scene;
  const size = layout.pitch - 2;
  const radius = layout.pitch > 20 ? 4 : 2;
  to.clearRect(0, 0, width, height);
  for (const b of layout.blocks) {
    const y = b.y - top;
    if (y + b.height < 0 || y > height) continue;
    const group = model.groups[b.group]!;
    paintTitle(to, palette, group.name || '–', b.size, b.x, y, b.width);
    const from = Math.max(0, Math.floor((-y - titleHeight) / layout.pitch)) * b.columns;
    const to_ = Math.min(b.size, Math.ceil((height - y - titleHeight) / layout.pitch) * b.columns);
    // One fill for each tone, not for each cell.
    const byTone: Partial<Record<Tone, number[]>> = {};
    for (let i = from; i < to_; i++) {
      const tone = model.tones[model.states[b.first + i]!] ?? 'idle';
      byTone[tone] ??= [];
      byTone[tone].push(i);
    }
    for (const [tone, cells] of Object.entries(byTone) as [Tone, number[]][]) {
      to.fillStyle = palette.cells[tone];
      to.beginPath();
      for (const i of cells) {
        to.roundRect(
          b.x + (i % b.columns) * layout.pitch,
          y + titleHeight + Math.floor(i / b.columns) * layout.pitch,
          size,
          size,
          radius,
        );
      }
      to.fill();
      if (tone === 'ok') continue;
      to.strokeStyle = palette.signs[tone];
      to.lineWidth = Math.max(1.4, size / 9);
      to.lineCap = 'round';
      to.beginPath();
      for (const i of cells) {
        sign(
          to,
          tone,
          b.x + (i % b.columns) * layout.pitch,
          y + titleHeight + Math.floor(i / b.columns) * layout.pitch,
          size,
        );
      }
      to.stroke();
    }
    if (cursor !== undefined && cursor >= b.first && cursor < b.first + b.size) {
      const i = cursor - b.first;
      to.strokeStyle = palette.focus;
      to.lineWidth = 2;
      to.beginPath();
      to.roundRect(
        b.x + (i % b.columns) * layout.pitch - 1.5,
        y + titleHeight + Math.floor(i / b.columns) * layout.pitch - 1.5,
        size + 3,
        size + 3,
        radius + 1,
      );
      to.stroke();
    }
  }
}

/** A cross, a slash, an arrow's shaft or a dot: told apart without colour. */
function sign(to: CanvasRenderingContext2D, tone: Tone, x: number, y: number, size: number) {
  const m = size * 0.3;
  switch (tone) {
    case 'bad':
      to.moveTo(x + m, y + m);
      to.lineTo(x + size - m, y + size - m);
      to.moveTo(x + size - m, y + m);
      to.lineTo(x + m, y + size - m);
      return;
    case 'warn':
      to.moveTo(x + size - m, y + m);
      to.lineTo(x + m, y + size - m);
      return;
    case 'info':
      to.moveTo(x + size / 2, y + m);
      to.lineTo(x + size / 2, y + size - m);
      return;
    case 'idle':
      to.moveTo(x + m, y + size / 2);
      to.lineTo(x + size - m, y + size / 2);
  }
}

function paintTitle(
  to: CanvasRenderingContext2D,
  palette: Palette,
  name: string,
  size: number,
  x: number,
  y: number,
  width: number,
) {
  to.textBaseline = 'alphabetic';
  to.font = '500 12px "Inter Variable", system-ui, sans-serif';
  const number = String(size);
  const room = width - to.measureText(number).width - 8;
  let shown = name;
  while (shown.length > 3 && to.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  to.fillStyle = palette.text;
  to.fillText(shown, x, y + 13);
  to.fillStyle = palette.muted;
  to.font = '400 12px "Inter Variable", system-ui, sans-serif';
  to.fillText(number, x + to.measureText(shown).width + 10, y + 13);
}
