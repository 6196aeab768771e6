// The way from a view's row back to the records it was computed from: its query's inputs, followed until a source's topic.

import type { Topic } from '../api/types';
import { shop } from './shop.svelte';

/** A circle cannot be declared, but a bound costs nothing. */
const STEPS_MAX = 16;

export function source_topics(query_name: string | null): Topic[] {
  const found = new Map<string, Topic>();
  let names = inputs_of(query_name);
  for (let step = 0; step < STEPS_MAX && names.length > 0; step += 1) {
    const next: string[] = [];
    for (const name of names) {
      const topic = shop.topics.find((one) => one.name === name);
      if (topic?.kind === 'source') found.set(name, topic);
      else next.push(...inputs_of(name));
    }
    names = next;
  }
  return [...found.values()];
}

function inputs_of(name: string | null): string[] {
  return shop.queries.find((query) => query.name === name || query.output === name)?.inputs ?? [];
}
