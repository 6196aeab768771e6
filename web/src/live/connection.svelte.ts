// Whether the pages are live, paused, or cut off. Every request and every stream reports here; the shell shows it, and what was missed is
// fetched when the line is back.

const TELL_AFTER_MS = 2_000;

class Connection {
  /** Chosen by the reader: nothing changes on the page until they go on. */
  paused = $state(false);
  /** Cut off for longer than a blink. */
  lost = $state(false);
  /** Counts the times the line came back, so that pages can fetch what they missed. */
  recoveries = $state(0);
  /** Nobody looks: nothing is fetched and nothing painted. */
  hidden = $state(document.visibilityState === 'hidden');

  #failing_since: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      this.hidden = document.visibilityState === 'hidden';
    });
  }

  get word(): 'live' | 'paused' | 'reconnecting' {
    return this.lost ? 'reconnecting' : this.paused ? 'paused' : 'live';
  }

  get resting(): boolean {
    return this.paused || this.hidden;
  }

  report_success(): void {
    if (this.#failing_since === null) return;
    this.#failing_since = null;
    clearTimeout(this.#timer);
    this.lost = false;
    this.recoveries += 1;
  }

  report_failure(): void {
    if (this.#failing_since !== null) return;
    this.#failing_since = Date.now();
    this.#timer = setTimeout(() => (this.lost = true), TELL_AFTER_MS);
  }
}

export const connection = new Connection();
