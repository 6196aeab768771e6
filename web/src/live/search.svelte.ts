// One search through a topic: what it has found so far, how far it is, and how it ended. Another question, or leaving, ends it.

import { untrack } from 'svelte';
import { open_search, Problem } from '../api/client';
import type { Message, ProblemBody, SearchProgress } from '../api/types';
import { EventParser, type ServerEvent } from './event_stream';
import { Painter } from './pace';

/** Paints need not wait for each other: what came in between is shown together. */
interface Told {
  found: Message[];
  progress: SearchProgress | null;
}

export class Search {
  found = $state.raw<Message[]>([]);
  progress = $state.raw<SearchProgress | null>(null);
  problem = $state.raw<Problem | null>(null);
  running = $state(false);
  cancelled = $state(false);
  #abort: AbortController | null = null;
  #told: Told = { found: [], progress: null };
  #painter = new Painter(() => this.#show());

  async start(topic: string, query: Record<string, string>): Promise<void> {
    this.clear();
    const abort = new AbortController();
    this.#abort = abort;
    this.running = true;
    try {
      await this.#read(await open_search(topic, query, abort.signal));
      this.#show();
      if (this.progress?.state === 'running' && !this.problem) throw new Error('the answer ended before the search did');
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#show();
      this.problem = Problem.from(error);
    }
    if (this.#abort === abort) this.running = false;
  }

  /** Ends it; what was found stays. */
  cancel(): void {
    this.#abort?.abort();
    this.#show();
    this.running = false;
    this.cancelled = true;
  }

  clear(): void {
    this.#abort?.abort();
    this.#painter.stop();
    this.#told = { found: [], progress: null };
    [this.found, this.progress, this.problem, this.running, this.cancelled] = [[], null, null, false, false];
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const [parser, decoder] = [new EventParser(), new TextDecoder()];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#take(event);
      this.#painter.request();
    }
  }

  #take({ event, data }: ServerEvent): void {
    if (event === 'match') this.#told.found.push(JSON.parse(data) as Message);
    else if (event === 'progress' || event === 'done') this.#told.progress = JSON.parse(data) as SearchProgress;
    else if (event === 'failed') this.problem = new Problem(JSON.parse(data) as ProblemBody);
  }

  /** What is found comes about in the order of time, from several partitions; it is shown in that order. */
  #show(): void {
    if (this.#told.found.length > 0) this.found = [...this.found, ...this.#told.found].sort((a, b) => b.time_ms - a.time_ms || a.partition - b.partition || b.offset - a.offset);
    if (this.#told.progress) this.progress = this.#told.progress;
    this.#told = { found: [], progress: null };
  }
}

/** A search that follows what is asked. */
export function follow_search(topic: () => string, query: () => Record<string, string> | null): Search {
  const search = new Search();
  const asked = $derived(JSON.stringify([topic(), query()]));
  $effect(() => {
    void asked;
    untrack(() => {
      const wanted = query();
      if (wanted) void search.start(topic(), wanted);
      else search.clear();
    });
    return () => search.clear();
  });
  return search;
}
