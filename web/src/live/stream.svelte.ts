// One live feed: opened while somebody looks, closed while the tab is hidden or the page paused, and taken up again where it stopped.
// `fetch` rather than EventSource, because only so a new connection can name the last event that was seen.

import { untrack } from 'svelte';
import { connection } from './connection.svelte';
import { EventParser, type ServerEvent } from './event_stream';

const RETRY_MS = [250, 500, 1_000, 2_000];
/** The server says something at least every 15 s; after three silences the line is taken for dead. */
const SILENCE_MS_MAX = 45_000;

export interface StreamOptions {
  address: string;
  on_event: (event: ServerEvent) => void;
  /** The feed is open; what was there before it is to be fetched now. `resumed` if it goes on from the last event. */
  on_open?: (resumed: boolean) => void;
}

/** Follows a feed until the component that called it goes away. Call it while a component or an effect is set up. */
export function follow(options: () => StreamOptions | null): void {
  // Only another address is another feed; whatever else the options are made of may change as often as it likes.
  const address = $derived(options()?.address ?? null);
  $effect(() => {
    if (address === null) return;
    const current = untrack(options);
    if (!current) return;
    const feed = new Feed(current);
    $effect(() => {
      if (connection.resting) return;
      feed.open();
      return () => feed.close();
    });
  });
}

class Feed {
  #options: StreamOptions;
  #last_id: string | null = null;
  #abort: AbortController | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  open(): void {
    this.#abort = new AbortController();
    void this.#run(this.#abort);
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#abort?.abort();
    this.#abort = null;
  }

  async #run(abort: AbortController): Promise<void> {
    try {
      await this.#read(abort);
    } catch {
      // A feed that ends in an error and one that just ends are the same to the reader: it is taken up again.
    }
    if (abort.signal.aborted) return;
    connection.report_failure();
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 2_000;
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#run(abort), wait);
  }

  async #read(abort: AbortController): Promise<void> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.#last_id !== null) headers['Last-Event-ID'] = this.#last_id;
    const response = await fetch(this.#options.address, { headers, signal: abort.signal, cache: 'no-store' });
    if (!response.ok || !response.body) throw new Error(`the feed answered ${response.status}`);
    this.#failures = 0;
    connection.report_success();
    this.#options.on_open?.(this.#last_id !== null);
    await this.#take(response.body.getReader());
  }

  async #take(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await within(reader.read(), SILENCE_MS_MAX, () => void reader.cancel());
      if (done) return;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (event.id !== null) this.#last_id = event.id;
        this.#options.on_event(event);
      }
    }
  }
}

function within<T>(work: Promise<T>, ms: number, give_up: () => void): Promise<T> {
  const timer = setTimeout(give_up, ms);
  return work.finally(() => clearTimeout(timer));
}
