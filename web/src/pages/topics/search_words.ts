// How far a search is, in a number and in words.

import type { SearchProgress } from '../../api/types';
import { bytes, count } from '../../format/figure';

/** Per cent of the topic that was read or passed over. */
export function progress_share(progress: SearchProgress | null): number {
  if (!progress || progress.bytes_total === 0) return 0;
  return Math.min(100, (100 * (progress.bytes_read + progress.bytes_skipped)) / progress.bytes_total);
}

export function progress_words(progress: SearchProgress | null, found: number, running: boolean, cancelled: boolean): string {
  if (!progress) return '';
  const words = [`${count(found)} found; read ${bytes(progress.bytes_read)} of ${bytes(progress.bytes_total)}`];
  if (progress.bytes_skipped > 0) words.push(`, passed over ${bytes(progress.bytes_skipped)} that cannot hold a match`);
  if (running) words.push(', going on');
  else if (cancelled) words.push(', cancelled');
  else if (progress.state === 'full') words.push('; there may be more: narrow the search');
  words.push('.');
  if (progress.blocks_damaged > 0) words.push(` ${count(progress.blocks_damaged)} blocks are damaged and could not be read as a whole.`);
  return words.join('');
}

/** That the field which was looked for is not there at all, as far as the newest records tell. */
export function missing_words(progress: SearchProgress): string {
  const missing = progress.missing_field;
  if (!missing) return '';
  const newest = missing.records === 1 ? 'The newest record has' : `The newest ${count(missing.records)} records have`;
  return ` ${newest} no field ${missing.name}: ${missing.cure}${missing.cure.endsWith('?') ? '' : '.'}`.replaceAll('`', '');
}
