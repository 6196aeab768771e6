// Event times are the shop's local clock; they are carried as milliseconds as if that clock were UTC, and so all arithmetic here is in UTC.
// Moments of the world, at which a record was written, are brought to that clock before they are shown.
// The true UTC moment, for tooltips, is found through the shop's time zone.

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const WEEK = 7 * DAY;

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

const two = (value: number) => String(value).padStart(2, '0');

export function start_of_day(ms: number): number {
  return Math.floor(ms / DAY) * DAY;
}

/** For what moves: seconds that run by say nothing. */
export function to_minute(ms: number): number {
  return Math.floor(ms / MINUTE) * MINUTE;
}

/** `9 Dec 2011` */
export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]?.slice(0, 3)} ${date.getUTCFullYear()}`;
}

/** `Friday 9 December` */
export function weekday_and_day(ms: number): string {
  const date = new Date(ms);
  return `${WEEKDAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

export function weekday(ms: number): string {
  return WEEKDAYS[new Date(ms).getUTCDay()] ?? '';
}

/** `09:15`, with seconds only where they are not zero. */
export function clock(ms: number): string {
  const date = new Date(ms);
  const seconds = date.getUTCSeconds();
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${seconds ? `:${two(seconds)}` : ''}`;
}

/** `9 Dec 2011, 09:15` */
export function moment(ms: number): string {
  return `${day(ms)}, ${clock(ms)}`;
}

/** `Fri 9 Dec, 09:15` for axes and tooltips. */
export function short_moment(ms: number): string {
  const date = new Date(ms);
  return `${weekday(ms).slice(0, 3)} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]?.slice(0, 3)}, ${clock(ms)}`;
}

/** `2011-12-09T09:15:00`, as the server takes and gives it. */
export function to_iso(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

/** Reads `2011-12-09T09:15:00[.ffffff]` or `2011-12-09`; null where it is neither. */
export function parse_time(text: unknown): number | null {
  if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$/.test(text)) return null;
  const ms = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : `${text.slice(0, 23)}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** `3 d 4 h`, `12 min`, `250 ms`: the two largest parts. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  const parts: [number, string][] = [
    [Math.floor(ms / DAY), 'd'],
    [Math.floor((ms % DAY) / HOUR), 'h'],
    [Math.floor((ms % HOUR) / MINUTE), 'min'],
  ];
  const told = parts.filter(([amount]) => amount > 0);
  if (told.length > 0 && told[0]?.[1] === 'd' && told[0][0] > 99) return `${told[0][0]} d`;
  return told.slice(0, 2).map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

/** `5 minutes`, `hour`, `day`: to stand after "by". */
export function window_words(ms: number): string {
  if (ms % DAY === 0) return ms === DAY ? 'day' : `${ms / DAY} days`;
  if (ms % HOUR === 0) return ms === HOUR ? 'hour' : `${ms / HOUR} hours`;
  if (ms % MINUTE === 0) return ms === MINUTE ? 'minute' : `${ms / MINUTE} minutes`;
  return `${ms / 1000} seconds`;
}

/** What the shop's clock showed, told in UTC: `2011-12-09 09:15 UTC`; without a zone only that it is the shop's clock. */
export function utc_hint(ms: number, timezone: string | null): string {
  if (!timezone) return "the shop's local time";
  const offset = zone_offset_ms(ms, timezone);
  if (offset === null) return timezone;
  return `${to_iso(ms - offset).replace('T', ' ').slice(0, 16)} UTC (shown: ${timezone})`;
}

/** What the clock of a zone shows at a moment of the world; UTC without a zone. */
export function in_zone(utc_ms: number, timezone: string | null): number {
  const shown = timezone ? shown_in(timezone)?.(utc_ms) : undefined;
  return shown ?? utc_ms;
}

/** The moment at which the clock of a zone shows this; UTC without a zone. */
export function from_zone(local_ms: number, timezone: string | null): number {
  return timezone ? local_ms - (zone_offset_ms(local_ms, timezone) ?? 0) : local_ms;
}

/** How far the zone's clock was ahead of UTC when it showed `local_ms`. */
export function zone_offset_ms(local_ms: number, timezone: string): number | null {
  const shown_at = shown_in(timezone);
  if (!shown_at) return null;
  const guess = local_ms - (shown_at(local_ms) - local_ms);
  return shown_at(guess) - guess;
}

/** What a zone's clock shows at a moment, in whole seconds; null where there is no such zone. */
function shown_in(timezone: string): ((utc: number) => number) | null {
  try {
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    });
    return (utc) => {
      const part = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]));
      return Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second);
    };
  } catch {
    return null;
  }
}
