// Something fetched: what is there, what went wrong, and whether what is there is old. A newer question cancels the older one; an
// answer that fails leaves the last good one standing.

import { untrack } from 'svelte';
import { Problem } from '../api/client';
import { connection } from './connection.svelte';

export class Resource<T> {
  data = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  #abort: AbortController | null = null;

  /** There is data, but the last attempt to renew it failed. */
  get old(): boolean {
    return this.data !== null && this.problem !== null;
  }

  async load(fetch_it: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.loading = true;
    try {
      const data = await fetch_it(abort.signal);
      if (abort.signal.aborted) return;
      this.data = data;
      this.problem = null;
      connection.report_success();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.problem = Problem.from(error);
      if (this.problem.unreachable) connection.report_failure();
    } finally {
      if (this.#abort === abort) this.loading = false;
    }
  }

  /** Another thing is asked for: the old one must not be taken for it. */
  clear(): void {
    this.#abort?.abort();
    this.data = null;
    this.problem = null;
  }

  stop(): void {
    this.#abort?.abort();
  }
}

export interface Asked<T> {
  /** What is asked for; when it changes, the old answer is dropped. */
  key: string;
  fetch: (signal: AbortSignal) => Promise<T>;
}

/** A resource that follows what is asked, fetches again when the line is back, and, with `every_ms`, while somebody looks. */
export function resource<T>(ask: () => Asked<T> | null, every_ms: number | null = null): Resource<T> & { again(): Promise<void> } {
  const one = new Resource<T>() as Resource<T> & { again(): Promise<void> };
  const key = $derived(ask()?.key ?? null);
  let last_key: string | null = null;
  one.again = async () => {
    const asked = untrack(ask);
    if (asked) await one.load(asked.fetch);
  };
  $effect(() => {
    void connection.recoveries;
    if (key !== last_key) one.clear();
    last_key = key;
    if (key !== null) void one.again();
    return () => one.stop();
  });
  $effect(() => {
    // An answer that is still under way must not change a page that was just paused.
    if (connection.resting) untrack(() => one.data !== null && one.stop());
  });
  $effect(() => {
    if (every_ms === null || connection.resting) return;
    const timer = setInterval(() => {
      if (!one.loading) void one.again();
    }, every_ms);
    return () => clearInterval(timer);
  });
  return one;
}
