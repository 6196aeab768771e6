// Bars on a canvas, for the PNG of a bar chart; on the page they are HTML.

import { to_float, type Decimal } from '../format/decimal';
import { read_colours } from './colours';

export interface DrawnBar {
  label: string;
  value: Decimal | null;
  /** The figure at its end. */
  text: string;
}

const ROW = 28;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 110;

export function draw_bars(ctx: CanvasRenderingContext2D, host: HTMLElement, bars: readonly DrawnBar[], width: number): void {
  const colours = read_colours(host);
  const values = bars.map((bar) => (bar.value ? to_float(bar.value) : 0));
  const low = Math.min(0, ...values);
  const span = Math.max(0, ...values) - low || 1;
  const room = width - LABEL_WIDTH - VALUE_WIDTH;
  ctx.font = colours.font.replace('12px', '13px');
  ctx.textBaseline = 'middle';
  bars.forEach((bar, i) => {
    const [y, value] = [i * ROW + ROW / 2, values[i] ?? 0];
    ctx.fillStyle = colours.ink;
    ctx.textAlign = 'left';
    ctx.fillText(shorten(ctx, bar.label, LABEL_WIDTH - 12), 0, y);
    ctx.textAlign = 'right';
    ctx.fillText(bar.text, width, y);
    ctx.fillStyle = colours.series[value < 0 ? 1 : 0] ?? colours.ink;
    ctx.fillRect(LABEL_WIDTH + ((Math.min(value, 0) - low) / span) * room, y - 5, Math.max(2, (Math.abs(value) / span) * room), 10);
  });
}

function shorten(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 1 && ctx.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return `${short}…`;
}
