// What every page knows of the project: its name and money, how far event time has come, whether history is replayed, and how far its
// queries are behind. Asked for while somebody looks, faster while history runs.

import { api } from '../api/client';
import type { Dashboard, Health, Project, Query, Topic, View } from '../api/types';
import { connection } from './connection.svelte';
import { Resource } from './resource.svelte';

const SLOW_MS = 5_000;
const FAST_MS = 1_000;

class Shop {
  #project = new Resource<Project>();
  #queries = new Resource<Query[]>();
  #health = new Resource<Health>();
  #views = new Resource<View[]>();
  #topics = new Resource<Topic[]>();
  #dashboard = new Resource<Dashboard>();
  /** Told by live feeds, ahead of the next look at the project. */
  #event_time_ms = $state<number | null>(null);

  get project(): Project | null {
    return this.#project.data;
  }
  get problem() {
    return this.#project.problem;
  }
  get queries(): Query[] {
    return this.#queries.data ?? [];
  }
  get views(): View[] {
    return this.#views.data ?? [];
  }
  get topics(): Topic[] {
    return this.#topics.data ?? [];
  }
  get dashboard(): Resource<Dashboard> {
    return this.#dashboard;
  }
  get currency(): string | null {
    return this.#project.data?.currency ?? null;
  }
  get timezone(): string | null {
    return this.#project.data?.timezone ?? null;
  }

  /** How far event time has come; null before the first event, and as long as nobody has said where it began: a range needs both ends. */
  get event_now_ms(): number | null {
    const told = this.#project.data?.event_time?.max_ms ?? null;
    return told === null ? null : Math.max(told, this.#event_time_ms ?? told);
  }

  /** Rows have been read, and none of them has an event time: nothing here goes by time. */
  get is_timeless(): boolean {
    return this.event_now_ms === null && this.#project.data !== null && this.topics.some((topic) => topic.kind === 'source' && topic.records > 0);
  }

  get event_first_ms(): number | null {
    return this.#project.data?.event_time?.min_ms ?? null;
  }

  /** How far the slowest query is behind the newest event that was read, and whether every query is through. */
  get lag(): { ms: number; query: string } | 'complete' | null {
    const queries = this.queries;
    if (queries.length === 0) return null;
    if (queries.every((query) => query.phase === 'done')) return 'complete';
    let slowest: { ms: number; query: string } | null = null;
    for (const query of queries) {
      const ms = query.lag_ms;
      if (ms !== null && (!slowest || ms > slowest.ms)) slowest = { ms, query: query.name };
    }
    return slowest;
  }

  /** Its query has read all there will ever be: every window is final, wherever the watermark stayed. */
  is_final(view: string): boolean {
    const query = this.views.find((one) => one.name === view)?.query;
    return this.queries.some((one) => one.name === query && one.phase === 'done');
  }

  /** What is wrong, stage by stage: `source:orders`, `query:revenue`, `sink:lake`, or `log`. */
  get troubles(): Health['problems'] {
    return this.#health.data?.problems ?? [];
  }
  /** Whether nothing has stopped for good: what is wrong is tried again, or is a warning. */
  get may_recover(): boolean {
    return this.#health.data?.status !== 'failed';
  }

  hear_event_time(ms: number | null): void {
    if (ms === null || ms <= (this.#event_time_ms ?? -Infinity)) return;
    const first = this.#event_time_ms === null;
    this.#event_time_ms = ms;
    if (first && this.#project.data?.event_time === null) void this.#project.load(api.project);
  }

  async refresh_catalog(): Promise<void> {
    await Promise.all([this.#views.load(api.views), this.#topics.load(api.topics), this.#dashboard.load(api.dashboard)]);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#project.load(api.project), this.#queries.load(api.queries), this.#health.load(api.health)]);
  }

  /** As `refresh`, but leaves to its end what is still under way: a server that is slower than the clock would never be heard. */
  #renew(): void {
    if (!this.#project.loading) void this.#project.load(api.project);
    if (!this.#queries.loading) void this.#queries.load(api.queries);
    if (!this.#health.loading) void this.#health.load(api.health);
  }

  /** Keeps itself fresh until the shell goes away. */
  watch(): void {
    $effect(() => {
      void connection.recoveries;
      void this.refresh();
      void this.refresh_catalog();
    });
    $effect(() => {
      if (connection.resting) return;
      const hurried = this.#project.data?.replay.active === true || connection.lost || this.#project.problem !== null;
      const timer = setInterval(() => this.#renew(), hurried ? FAST_MS : SLOW_MS);
      return () => clearInterval(timer);
    });
  }
}

export const shop = new Shop();
