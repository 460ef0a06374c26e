/** Where a group of the map lies: a title and under it its cells, row by row. */
export interface Block {
  group: number;
  /** Index of its first cell. */
  first: number;
  size: number;
  x: number;
  y: number;
  width: number;
  height: number;
  columns: number;
}

export interface MapLayout {
  blocks: Block[];
  height: number;
  /** From the beginning of a cell to that of the next. */
  pitch: number;
}

export const titleHeight = 20;
const between = { x: 20, y: 14 };
const narrowest = 150;

/** Small fleets have large cells. */
const pitchOf = (cells: number): number => (cells > 3000 ? 13 : cells > 700 ? 16 : cells > 150 ? 22 : 30);

/**
 * Lays groups into columns of one width, each group into the column that is shortest.
 * A pure function of sizes and width: what a cell looks like moves nothing.
 */
export function layoutMap(sizes: readonly number[], width: number): MapLayout {
  const cells = sizes.reduce((sum, n) => sum + n, 0);
  const pitch = pitchOf(cells);
  const most = Math.max(1, Math.floor((width + between.x) / (Math.max(narrowest, pitch * 8) + between.x)));
  const columns = Math.min(most, Math.max(1, sizes.length));
  const inner = Math.floor((width - (columns - 1) * between.x) / columns);
  const across = Math.max(1, Math.floor(inner / pitch));
  const depths = new Array<number>(columns).fill(0);
  const blocks: Block[] = [];
  let first = 0;
  sizes.forEach((size, group) => {
    const column = depths.indexOf(Math.min(...depths));
    const height = titleHeight + Math.ceil(size / across) * pitch;
    blocks.push({
      group,
      first,
      size,
      x: column * (inner + between.x),
      y: depths[column]!,
      width: inner,
      height,
      columns: across,
    });
    depths[column]! += height + between.y;
    first += size;
  });
  return { blocks, height: Math.max(0, ...depths) - (blocks.length > 0 ? between.y : 0), pitch };
}

/** The cell at a point, or the group whose title is there. */
export function hit(layout: MapLayout, x: number, y: number): { cell?: number; group?: number } {
  for (const b of layout.blocks) {
    if (x < b.x || x >= b.x + b.width || y < b.y || y >= b.y + b.height) continue;
    if (y < b.y + titleHeight) return { group: b.group };
    const column = Math.floor((x - b.x) / layout.pitch);
    const at = Math.floor((y - b.y - titleHeight) / layout.pitch) * b.columns + column;
    return column < b.columns && at < b.size ? { cell: b.first + at } : {};
  }
  return {};
}

export function blockOf(layout: MapLayout, cell: number): Block | undefined {
  let low = 0;
  let high = layout.blocks.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const b = layout.blocks[middle]!;
    if (cell < b.first) high = middle - 1;
    else if (cell >= b.first + b.size) low = middle + 1;
    else return b;
  }
  return undefined;
}

export function cellAt(layout: MapLayout, cell: number): { x: number; y: number } | undefined {
  const b = blockOf(layout, cell);
  if (!b) return undefined;
  const at = cell - b.first;
  return { x: b.x + (at % b.columns) * layout.pitch, y: b.y + titleHeight + Math.floor(at / b.columns) * layout.pitch };
}

/** Where an arrow key leads from a cell; over the edge of a group into the next. */
export function step(layout: MapLayout, from: number, key: string): number {
  const b = blockOf(layout, from);
  const last = (layout.blocks.at(-1)?.first ?? 0) + (layout.blocks.at(-1)?.size ?? 0) - 1;
  if (!b) return Math.min(Math.max(from, 0), last);
  const at = from - b.first;
  const clamp = (n: number) => Math.min(Math.max(n, 0), last);
  switch (key) {
    case 'ArrowRight':
      return clamp(from + 1);
    case 'ArrowLeft':
      return clamp(from - 1);
    case 'ArrowDown':
      return at + b.columns < b.size ? from + b.columns : clamp(b.first + b.size);
    case 'ArrowUp':
      return at >= b.columns ? from - b.columns : clamp(b.first - 1);
    case 'Home':
      return b.first;
    case 'End':
      return b.first + b.size - 1;
    case 'PageDown':
      return clamp(layout.blocks[b.group + 1]?.first ?? from);
    case 'PageUp':
      return clamp(at > 0 ? b.first : (layout.blocks[b.group - 1]?.first ?? from));
    default:
      return from;
  }
}
