// The uPlot options of a time chart: bars or lines over a quiet comparison, a zero line, open windows dashed, marks for what is out of scale.

import uPlot from 'uplot';
import type { Unit } from '../api/types';
import { axis_figure } from '../format/figure';
import { DAY, clock } from '../format/time';
import { faint, type ChartColours } from './colours';
import type { Grid, Scale } from './series';

export interface PlotSeries {
  look: 'bars' | 'line' | 'quiet';
  colour: number;
  /** Drawn dashed: its windows are not final. */
  open: boolean;
}

export interface PlotSetup {
  width: number;
  height: number;
  series: PlotSeries[];
  colours: ChartColours;
  unit: Unit;
  currency: string | null;
  sync_key: string;
  bucket_ms: () => number;
  scale: () => Scale;
  span: () => [number, number];
  out_of_scale: (value: number) => string;
  on_cursor: (index: number | null, left: number) => void;
  on_select: (from_ms: number, to_ms: number) => void;
}

const BAR_SHARE = 0.82;
const DASH = [3, 3];
/** A label may stand at the very end of the axis, and half of it beyond: as much as `Jan 2011` or `29 Nov` is wide. */
const LAST_LABEL_HALF = 30;

export function plot_options(setup: PlotSetup): uPlot.Options {
  return {
    width: setup.width,
    height: setup.height,
    padding: [14, LAST_LABEL_HALF, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {
      x: { time: true, range: () => span_in_seconds(setup.span()) },
      y: { range: () => [setup.scale().min, setup.scale().max] },
    },
    axes: [time_axis(setup), value_axis(setup)],
    series: [{}, ...setup.series.map((one) => series_options(one, setup))],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 8 },
      sync: { key: setup.sync_key, setSeries: false },
    },
    hooks: {
      draw: [(plot) => draw_zero(plot, setup), (plot) => draw_out_of_scale(plot, setup)],
      setCursor: [(plot) => setup.on_cursor(plot.cursor.idx ?? null, plot.cursor.left ?? -1)],
      setSelect: [(plot) => select(plot, setup)],
    },
  };
}

function span_in_seconds([from, to]: [number, number]): uPlot.Range.MinMax {
  return [from / 1000, to / 1000];
}

function series_options({ look, colour, open }: PlotSeries, setup: PlotSetup): uPlot.Series {
  const { colours } = setup;
  const own = colours.series[colour - 1] ?? colours.ink;
  const points = { show: false };
  if (look === 'quiet') return { stroke: colours.quiet, fill: faint(colours.quiet, 0.16), width: 1.25, paths: steps(setup), points };
  if (look === 'line') return { stroke: own, width: 1.75, dash: open ? DASH : undefined, paths: steps(setup), points };
  const paths = uPlot.paths.bars?.({ size: [BAR_SHARE, Infinity], align: 1 });
  if (open) return { stroke: own, fill: faint(own, 0.14), width: 1, dash: DASH, paths, points };
  return { fill: own, stroke: own, width: 0, paths, points };
}

/** Each window as wide as it is, joined to its neighbour, with nothing across a gap; so a lone window is seen too. */
function steps(setup: PlotSetup): uPlot.Series.PathBuilder {
  return (plot, index, from, to) => {
    const [stroke, fill] = [new Path2D(), new Path2D()];
    const [times, values] = [plot.data[0], plot.data[index] ?? []];
    const width = setup.bucket_ms() / 1000;
    const zero = plot.valToPos(0, 'y', true);
    let end: number | null = null;
    for (let i = from; i <= to; i += 1) {
      const [time, value] = [times[i], values[i]];
      if (time === undefined || value === null || value === undefined) continue;
      const [x1, x2, y] = [plot.valToPos(time, 'x', true), plot.valToPos(time + width, 'x', true), plot.valToPos(value, 'y', true)];
      if (end === time) stroke.lineTo(x1, y);
      else stroke.moveTo(x1, y);
      stroke.lineTo(x2, y);
      fill.rect(x1, Math.min(y, zero), x2 - x1, Math.abs(y - zero));
      end = time + width;
    }
    return { stroke, fill, clip: undefined, band: undefined, gaps: undefined, flags: 1 } as unknown as uPlot.Series.Paths;
  };
}

function time_axis({ colours }: PlotSetup): uPlot.Axis {
  return {
    stroke: colours.muted,
    font: colours.font,
    size: 28,
    gap: 6,
    space: 72,
    grid: { show: false },
    ticks: { show: true, stroke: colours.line, size: 5, width: 1 },
    border: { show: false },
    values: (_plot, splits, _axis, _space, step) => splits.map((seconds) => time_label(seconds * 1000, step * 1000)),
  };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function time_label(ms: number, step_ms: number): string {
  const date = new Date(ms);
  const month = MONTHS[date.getUTCMonth()] ?? '';
  if (step_ms >= 27 * DAY) return date.getUTCMonth() === 0 ? `${month} ${date.getUTCFullYear()}` : month;
  const of_day = `${date.getUTCDate()} ${month}`;
  return step_ms >= DAY || ms % DAY === 0 ? of_day : clock(ms);
}

function value_axis({ colours, unit, currency }: PlotSetup): uPlot.Axis {
  return {
    stroke: colours.muted,
    font: colours.font,
    size: (_plot, values) => Math.max(36, ...(values ?? []).map((text) => text.length * 7.2 + 14)),
    gap: 8,
    space: 44,
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
    border: { show: false },
    values: (_plot, splits) => splits.map((value) => axis_figure(value, unit, currency)),
  };
}

function draw_zero(plot: uPlot, { colours, scale }: PlotSetup): void {
  if (scale().min > 0 || scale().max < 0) return;
  const y = Math.round(plot.valToPos(0, 'y', true)) + 0.5;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colours.strong;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** An arrow and the exact value where a bar goes on beyond the scale. The quiet series is told by its tooltip alone. */
function draw_out_of_scale(plot: uPlot, setup: PlotSetup): void {
  const { min, max, clipped } = setup.scale();
  if (!clipped) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = setup.colours.font.replace(/^(\d+)px/, (_, size: string) => `${Number(size) * ratio}px`);
  ctx.fillStyle = setup.colours.ink;
  let free_from = { top: -Infinity, bottom: -Infinity };
  setup.series.forEach((one, i) => {
    if (one.look === 'quiet') return;
    const values = plot.data[i + 1] ?? [];
    values.forEach((value, index) => {
      if (value === null || value === undefined || (value <= max && value >= min)) return;
      const up = value > max;
      const step = (plot.data[0][index + 1] ?? 0) - (plot.data[0][index] ?? 0);
      const x = plot.valToPos((plot.data[0][index] ?? 0) + step / 2, 'x', true);
      const y = up ? bbox.top + 5 * ratio : bbox.top + bbox.height - 5 * ratio;
      const label = setup.out_of_scale(value);
      const width = ctx.measureText(label).width + 14 * ratio;
      const left_side = x + width > bbox.left + bbox.width;
      const side = up ? 'top' : 'bottom';
      if (x < free_from[side]) return;
      arrow(ctx, x, y, up ? -1 : 1, ratio);
      ctx.textAlign = left_side ? 'right' : 'left';
      ctx.textBaseline = 'middle';
      ctx.fillText(label, x + (left_side ? -8 : 8) * ratio, y);
      free_from = { ...free_from, [side]: left_side ? x : x + width };
    });
  });
  ctx.restore();
}

function arrow(ctx: CanvasRenderingContext2D, x: number, y: number, direction: -1 | 1, ratio: number): void {
  const size = 4.5 * ratio;
  ctx.beginPath();
  ctx.moveTo(x, y + direction * size);
  ctx.lineTo(x - size, y - direction * size * 0.7);
  ctx.lineTo(x + size, y - direction * size * 0.7);
  ctx.closePath();
  ctx.fill();
}

function select(plot: uPlot, setup: PlotSetup): void {
  const { left, width } = plot.select;
  if (width < 8) return;
  const from = plot.posToVal(left, 'x') * 1000;
  const to = plot.posToVal(left + width, 'x') * 1000;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  setup.on_select(from, to);
}

export function to_aligned(grid: Grid, series: readonly { from: number; keep: (t: number) => boolean }[]): uPlot.AlignedData {
  const times = grid.times.map((t) => t / 1000);
  const lists = series.map(({ from, keep }) => (grid.values[from] ?? []).map((value, i) => (keep(grid.times[i] ?? 0) ? value : null)));
  return [times, ...lists] as uPlot.AlignedData;
}
