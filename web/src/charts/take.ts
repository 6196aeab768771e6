// Taking a chart away: as CSV with every digit, or as PNG with its title.

import { to_plain, type Decimal } from '../format/decimal';

export interface ChartTable {
  head: string[];
  rows: (string | Decimal | null)[][];
}

export function to_csv({ head, rows }: ChartTable): string {
  return [head, ...rows].map((row) => row.map(csv_cell).join(',')).join('\r\n') + '\r\n';
}

function csv_cell(cell: string | Decimal | null): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return to_plain(cell);
  // A spreadsheet would run a text that begins like a formula.
  const text = /^[=+\-@\t]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function save(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function file_name(title: string, ending: string): string {
  return `${title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')}.${ending}`;
}

const MARGIN = 24;
const HEAD = 56;

/** A sheet in the colours of the page with the title above; `draw` fills the rest, in CSS pixels. */
export function sheet(
  host: HTMLElement, title: string, width: number, height: number, draw: (ctx: CanvasRenderingContext2D) => void,
): Promise<Blob | null> {
  const ratio = Math.max(2, devicePixelRatio);
  const canvas = document.createElement('canvas');
  canvas.width = (width + 2 * MARGIN) * ratio;
  canvas.height = (height + HEAD + MARGIN) * ratio;
  const ctx = canvas.getContext('2d');
  if (!ctx) return Promise.resolve(null);
  const style = getComputedStyle(host);
  ctx.scale(ratio, ratio);
  ctx.fillStyle = getComputedStyle(document.body).backgroundColor;
  ctx.fillRect(0, 0, width + 2 * MARGIN, height + HEAD + MARGIN);
  ctx.fillStyle = style.color;
  ctx.font = `600 16px ${style.fontFamily}`;
  ctx.fillText(title, MARGIN, 34);
  ctx.translate(MARGIN, HEAD);
  draw(ctx);
  return new Promise((done) => canvas.toBlob(done, 'image/png'));
}
