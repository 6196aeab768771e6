// Where each stage stands in the drawing: as far right as its longest way from a source, in an order that keeps neighbours level.

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

const SIZE = { width: 188, height: 64 };
const ROW_GAP = 16;
const COLUMN_GAP_MIN = 48;
const COLUMN_GAP_MAX = 110;
const MARGIN = 4;
const ORDERING_PASSES = 4;

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
  return columns;
}

/** Sinks stand at the right edge, whatever they read. */
function push_sinks(nodes: readonly PipelineNode[], columns: Map<string, number>): void {
  const last = Math.max(0, ...columns.values());
  for (const node of nodes) if (node.kind === 'sink') columns.set(node.id, last);
}

export function lay_out_pipeline(pipeline: Pipeline, width: number): Drawing {
  const columns = columns_of(pipeline);
  push_sinks(pipeline.nodes, columns);
  const count = Math.max(0, ...columns.values()) + 1;
  const lists: PipelineNode[][] = Array.from({ length: count }, () => []);
  for (const node of pipeline.nodes) lists[columns.get(node.id) ?? 0]?.push(node);
  order_by_neighbours(lists, pipeline);
  const rows = Math.max(1, ...lists.map((list) => list.length));
  const height = rows * SIZE.height + (rows - 1) * ROW_GAP + 2 * MARGIN;
  const free = count > 1 ? (width - 2 * MARGIN - count * SIZE.width) / (count - 1) : 0;
  const gap = Math.min(COLUMN_GAP_MAX, Math.max(COLUMN_GAP_MIN, free));
  const placed = lists.flatMap((list, column) => place_column(list, column, gap, height));
  const drawn_width = count * SIZE.width + (count - 1) * gap + 2 * MARGIN;
  return { width: drawn_width, height, placed, wires: wires_of(pipeline, new Map(placed.map((one) => [one.node.id, one]))) };
}

/** Each column is put in the order of the middle of what it is joined to, a few times to and fro. */
function order_by_neighbours(lists: PipelineNode[][], { edges }: Pipeline): void {
  const joined = new Map<string, string[]>();
  for (const { from, to } of edges) {
    joined.set(to, [...(joined.get(to) ?? []), from]);
    joined.set(from, [...(joined.get(from) ?? []), to]);
  }
  for (let pass = 0; pass < ORDERING_PASSES; pass += 1) {
    const level = new Map<string, number>();
    for (const list of lists) list.forEach((node, i) => level.set(node.id, (i + 0.5) / list.length));
    for (const list of lists) {
      const middle = new Map(list.map((node, i) => [node.id, middle_of(joined.get(node.id) ?? [], level, (i + 0.5) / list.length)]));
      list.sort((a, b) => (middle.get(a.id) ?? 0) - (middle.get(b.id) ?? 0));
    }
  }
}

function middle_of(neighbours: readonly string[], level: Map<string, number>, own: number): number {
  if (neighbours.length === 0) return own;
  return neighbours.reduce((sum, id) => sum + (level.get(id) ?? own), 0) / neighbours.length;
}

function place_column(list: readonly PipelineNode[], column: number, gap: number, height: number): Placed[] {
  const used = list.length * SIZE.height + (list.length - 1) * ROW_GAP;
  const top = (height - used) / 2;
  return list.map((node, i) => ({
    node, column, x: MARGIN + column * (SIZE.width + gap), y: top + i * (SIZE.height + ROW_GAP), width: SIZE.width, height: SIZE.height,
  }));
}

function wires_of({ edges }: Pipeline, placed: Map<string, Placed>): Wire[] {
  return edges.flatMap(({ from, to, stalled }) => {
    const [a, b] = [placed.get(from), placed.get(to)];
    if (!a || !b) return [];
    const [x1, y1, x2, y2] = [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2];
    const bend = Math.max(24, Math.min(64, (x2 - x1) / 2));
    return [{ id: `${from}→${to}`, from, to, stalled, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }];
  });
}
