// The time of a record: that of its event, on the shop's clock, or the moment at which it was written.

import type { Topic } from '../../api/types';
import { from_zone, in_zone, moment, to_iso, utc_hint } from '../../format/time';

type Told = Pick<Topic, 'kind' | 'event_time'>;

/** Whether records have the moment at which they were written: rows of views that name no event time may have that of their source. */
export function is_moment({ kind, event_time }: Told): boolean {
  return event_time === null && kind !== 'rows' && kind !== 'late';
}

/** As the shop's clock shows it. */
export function record_time(topic: Told, ms: number, timezone: string | null): string {
  return moment(is_moment(topic) ? in_zone(ms, timezone) : ms);
}

export function record_time_hint(topic: Told, ms: number, timezone: string | null): string {
  if (!is_moment(topic)) return utc_hint(ms, timezone);
  return `${to_iso(ms).replace('T', ' ')} UTC${timezone ? ` (shown: ${timezone})` : ''}`;
}

/** What a person typed as the shop's time, as the server seeks it, and back. */
export function sought_time(topic: Told, shown_ms: number, timezone: string | null): number {
  return is_moment(topic) ? from_zone(shown_ms, timezone) : shown_ms;
}
export function shown_time(topic: Told, sought_ms: number, timezone: string | null): number {
  return is_moment(topic) ? in_zone(sought_ms, timezone) : sought_ms;
}
