// Two brakes: paints at most ten times a second, and refetches at most every so often, with a last one after the last change.

const PAINT_MS = 100;

/** Runs `paint` soon, but not more often than ten times a second, and not at all while the tab is hidden. */
export class Painter {
  #paint: () => void;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(paint: () => void) {
    this.#paint = paint;
  }

  request(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#last + PAINT_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.#paint();
    }, wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Calls `work` after changes: at once, then at most every `every_ms`, and once more `settle_ms` after the last change, because the
 * warehouse may commit a moment later than the feed tells. */
export class Refresher {
  #work: () => Promise<unknown>;
  #every_ms: number;
  #settle_ms: number;
  #busy = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #last = -Infinity;

  constructor(work: () => Promise<unknown>, every_ms = 1_000, settle_ms = 1_500) {
    this.#work = work;
    this.#every_ms = every_ms;
    this.#settle_ms = settle_ms;
  }

  changed(): void {
    this.#schedule();
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#schedule(), this.#settle_ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#settle);
    this.#timer = undefined;
    this.#again = false;
  }

  #schedule(): void {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, this.#last + this.#every_ms - performance.now()));
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#busy = true;
    this.#last = performance.now();
    try {
      await this.#work();
    } finally {
      this.#busy = false;
      if (this.#again) {
        this.#again = false;
        this.#schedule();
      }
    }
  }
}
