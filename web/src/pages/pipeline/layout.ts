// Where each stage stands in the drawing: as far right as its longest way from a source, in an order that keeps neighbours level. A wire
// that passes a column gets a narrow lane of its own there, so that it never runs behind a stage.

import type { Pipeline, PipelineNode } from '../../api/types';

export interface Placed {
  node: PipelineNode;
  column: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Wire {
  id: string;
  path: string;
  stalled: boolean;
  from: string;
  to: string;
}

export interface Drawing {
  width: number;
  height: number;
  placed: Placed[];
  wires: Wire[];
}

/** A stage, or the lane of a wire on its way through a column. */
interface Slot {
  id: string;
  node: PipelineNode | null;
}

interface Spot {
  x: number;
  y: number;
  height: number;
}

interface Size {
  width: number;
  height: number;
  row_gap: number;
}

/** Five columns of this width and their gaps fit the page on a screen of 1440 pixels; of more, each is narrower. */
const STAGE_WIDTH = 196;
const STAGE_WIDTH_NARROW = 172;
const ROOMY = { height: 64, row_gap: 16 };
const DENSE = { height: 46, row_gap: 8 };
/** With more stages than this in a column the drawing would not fit a screen. */
const ROOMY_ROWS_MAX = 8;
/** A column that is shorter than this stays on the first screen, however far down a long one beside it goes. */
const SCREEN_HEIGHT = 600;
const LANE_HEIGHT = 10;
const COLUMN_GAP_MIN = 48;
const COLUMN_GAP_NARROW = 24;
const COLUMN_GAP_MAX = 110;
const MARGIN = 4;
const ORDERING_PASSES = 6;

/** How many steps a node is from the sources, by its longest way; a circle ends where it began. */
function columns_of({ nodes, edges }: Pipeline): Map<string, number> {
  const incoming = new Map<string, string[]>();
  for (const { from, to } of edges) incoming.set(to, [...(incoming.get(to) ?? []), from]);
  const columns = new Map<string, number>();
  const visiting = new Set<string>();
  const visit = (id: string): number => {
    const known = columns.get(id);
    if (known !== undefined) return known;
    if (visiting.has(id)) return 0;
    visiting.add(id);
    const column = Math.max(-1, ...(incoming.get(id) ?? []).map(visit)) + 1;
    columns.set(id, column);
    return column;
  };
  for (const node of nodes) visit(node.id);
  const last = Math.max(0, ...columns.values());
  // Sinks stand at the right edge, whatever they read.
  for (const node of nodes) if (node.kind === 'sink') columns.set(node.id, last);
  return columns;
}

/** The columns with their stages and lanes, and each wire as the list of slots it joins. */
function slots_of(pipeline: Pipeline): { lists: Slot[][]; ways: string[][] } {
  const columns = columns_of(pipeline);
  const lists: Slot[][] = Array.from({ length: Math.max(0, ...columns.values()) + 1 }, () => []);
  for (const node of pipeline.nodes) lists[columns.get(node.id) ?? 0]?.push({ id: node.id, node });
  const ways = pipeline.edges.map(({ from, to }) => {
    const way = [from];
    for (let column = (columns.get(from) ?? 0) + 1; column < (columns.get(to) ?? 0); column += 1) {
      const id = `${from}→${to}@${column}`;
      lists[column]?.push({ id, node: null });
      way.push(id);
    }
    return [...way, to];
  });
  return { lists, ways };
}

export function lay_out_pipeline(pipeline: Pipeline, width: number): Drawing {
  const { lists, ways } = slots_of(pipeline);
  order_by_neighbours(lists, ways);
  const count = lists.length;
  const narrow = count * STAGE_WIDTH + (count - 1) * COLUMN_GAP_MIN + 2 * MARGIN > width;
  const rows = lists.some((list) => list.filter((slot) => slot.node).length > ROOMY_ROWS_MAX) ? DENSE : ROOMY;
  const size: Size = { ...rows, width: narrow ? STAGE_WIDTH_NARROW : STAGE_WIDTH };
  const height = Math.max(size.height, ...lists.map((list) => column_height(list, size))) + 2 * MARGIN;
  const free = count > 1 ? (width - 2 * MARGIN - count * size.width) / (count - 1) : 0;
  const gap = Math.min(COLUMN_GAP_MAX, Math.max(narrow ? COLUMN_GAP_NARROW : COLUMN_GAP_MIN, free));
  const spots = place_columns(lists, ways, size, gap, height);
  const placed = lists.flatMap((list, column) =>
    list.flatMap(({ id, node }) => {
      const spot = spots.get(id);
      return node && spot ? [{ node, column, x: spot.x, y: spot.y, width: size.width, height: size.height }] : [];
    }),
  );
  const wires = pipeline.edges.map(({ from, to, stalled }, i) => ({ id: `${from}→${to}`, from, to, stalled, path: wire_path(ways[i] ?? [], spots, size.width) }));
  return { width: count * size.width + (count - 1) * gap + 2 * MARGIN, height, placed, wires };
}

/** Each column is put in the order of the middle of what it is joined to on the side the sweep comes from, a few times to and fro. */
function order_by_neighbours(lists: Slot[][], ways: readonly string[][]): void {
  const { left, right } = neighbours_of(ways);
  const level = new Map<string, number>();
  const settle = (list: readonly Slot[]): void => list.forEach((slot, i) => level.set(slot.id, (i + 0.5) / list.length));
  const sweep = (columns: readonly Slot[][], joined: Map<string, string[]>): void => {
    for (const list of columns) {
      const middle = new Map(list.map(({ id }) => [id, middle_of(joined.get(id) ?? [], level, level.get(id) ?? 0)]));
      list.sort((a, b) => (middle.get(a.id) ?? 0) - (middle.get(b.id) ?? 0));
      settle(list);
    }
  };
  lists.forEach(settle);
  for (let pass = 0; pass < ORDERING_PASSES; pass += 1) {
    sweep([...lists].reverse(), right);
    sweep(lists, left);
  }
}

/** What each slot is joined to in the column before it and in the one after. */
function neighbours_of(ways: readonly string[][]): { left: Map<string, string[]>; right: Map<string, string[]> } {
  const [left, right] = [new Map<string, string[]>(), new Map<string, string[]>()];
  for (const way of ways) {
    for (let i = 1; i < way.length; i += 1) {
      const [a, b] = [way[i - 1] ?? '', way[i] ?? ''];
      right.set(a, [...(right.get(a) ?? []), b]);
      left.set(b, [...(left.get(b) ?? []), a]);
    }
  }
  return { left, right };
}

function middle_of(neighbours: readonly string[], level: Map<string, number>, own: number): number {
  if (neighbours.length === 0) return own;
  return neighbours.reduce((sum, id) => sum + (level.get(id) ?? own), 0) / neighbours.length;
}

function slot_height(slot: Slot, size: Size): number {
  return slot.node ? size.height : LANE_HEIGHT;
}

function column_height(list: readonly Slot[], size: Size): number {
  return list.reduce((sum, slot) => sum + slot_height(slot, size), 0) + Math.max(0, list.length - 1) * size.row_gap;
}

/** The tallest column is placed first, the others outwards from it, each stage as level with what it is joined to as its neighbours let it be. */
function place_columns(lists: readonly Slot[][], ways: readonly string[][], size: Size, gap: number, height: number): Map<string, Spot> {
  const spots = new Map<string, Spot>();
  const place = (column: number, joined: Map<string, string[]>): void => {
    const list = lists[column] ?? [];
    const tops = level_tops(list, joined, spots, size, height);
    list.forEach((slot, i) => spots.set(slot.id, { x: MARGIN + column * (size.width + gap), y: tops[i] ?? 0, height: slot_height(slot, size) }));
  };
  const { left, right } = neighbours_of(ways);
  const heights = lists.map((list) => column_height(list, size));
  const tallest = heights.indexOf(Math.max(...heights));
  for (let column = tallest; column >= 0; column -= 1) place(column, right);
  for (let column = tallest + 1; column < lists.length; column += 1) place(column, left);
  return spots;
}

/** Where each slot of a column begins: in order, without overlap, and together the least away from where each would like to stand. */
function level_tops(list: readonly Slot[], joined: Map<string, string[]>, spots: Map<string, Spot>, size: Size, height: number): number[] {
  const whole = column_height(list, size);
  const reach = Math.min(height, Math.max(SCREEN_HEIGHT, whole + 2 * MARGIN));
  const centred = (reach - whole) / 2;
  // Counted from where a slot would stand were the column packed from the top, "in order" is "not falling".
  let packed = 0;
  const packed_tops = list.map((slot) => {
    const top = packed;
    packed += slot_height(slot, size) + size.row_gap;
    return top;
  });
  const wishes = list.map((slot, i) => {
    const middles = (joined.get(slot.id) ?? []).flatMap((id) => spots.get(id) ?? []).map((spot) => spot.y + spot.height / 2);
    if (middles.length === 0) return centred;
    return middles.reduce((sum, middle) => sum + middle, 0) / middles.length - slot_height(slot, size) / 2 - (packed_tops[i] ?? 0);
  });
  return not_falling(wishes).map((shift, i) => Math.min(Math.max(shift, MARGIN), reach - MARGIN - whole) + (packed_tops[i] ?? 0));
}

/** The closest list of numbers of which none is less than the one before it: what falls is pooled into its mean. */
function not_falling(wishes: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const wish of wishes) {
    let pool = { sum: wish, count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count > pool.sum / pool.count; last = pools.at(-1)) {
      pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
}

function wire_path(way: readonly string[], spots: Map<string, Spot>, stage_width: number): string {
  let path = '';
  for (let i = 1; i < way.length; i += 1) {
    const [a, b] = [spots.get(way[i - 1] ?? ''), spots.get(way[i] ?? '')];
    if (!a || !b) return '';
    const [x1, y1, x2, y2] = [a.x + stage_width, a.y + a.height / 2, b.x, b.y + b.height / 2];
    const bend = Math.max(24, Math.min(64, (x2 - x1) / 2));
    path += `${i === 1 ? 'M' : 'L'}${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  return path;
}
