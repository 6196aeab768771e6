// The messages of a topic: a page that was asked for, and the tail as it grows. What arrives while the reader is busy is counted, not shown.

import { untrack } from 'svelte';
import { api, live_messages_address } from '../api/client';
import type { LiveMessages, Message, MessagesPage } from '../api/types';
import { Painter } from './pace';
import { resource } from './resource.svelte';
import { follow } from './stream.svelte';

/** So many of the newest are held while tailing; older ones are had by asking. */
const TAIL_MAX = 200;

export function message_id(message: Message): string {
  return `${message.partition}:${message.offset}`;
}

export function open_messages(topic: () => string, query: () => Record<string, string>, tailing: () => boolean, busy: () => boolean) {
  const page = resource<MessagesPage>(() => {
    const [name, asked] = [topic(), query()];
    return { key: JSON.stringify([name, asked]), fetch: (signal) => api.messages(name, asked, signal) };
  });
  let fresh = $state.raw<Message[]>([]);
  let held = $state.raw<Message[]>([]);
  let skipped = $state(0);
  let arrived: Message[] = [];

  const painter = new Painter(() => {
    const newest = arrived.reverse();
    arrived = [];
    if (busy()) held = [...newest, ...held].slice(0, TAIL_MAX);
    else {
      fresh = [...newest, ...held, ...fresh].slice(0, TAIL_MAX);
      held = [];
    }
  });

  const asked_for = $derived(JSON.stringify([topic(), query(), tailing()]));
  $effect(() => {
    void asked_for;
    untrack(() => {
      [fresh, held, skipped, arrived] = [[], [], 0, []];
    });
  });
  follow(() => {
    if (!tailing()) return null;
    return {
      address: live_messages_address(topic()),
      on_open: () => void untrack(() => page.again()),
      on_event: ({ event, data }) => {
        if (event !== 'messages') return;
        const told = JSON.parse(data) as LiveMessages;
        arrived.push(...told.messages);
        skipped += told.skipped + Math.max(0, arrived.length - TAIL_MAX);
        if (arrived.length > TAIL_MAX) arrived = arrived.slice(-TAIL_MAX);
        painter.request();
      },
    };
  });
  $effect(() => () => painter.stop());

  const shown = $derived.by(() => {
    const all = tailing() ? [...fresh, ...(page.data?.messages ?? [])] : (page.data?.messages ?? []);
    const seen = new Set<string>();
    return all.filter((message) => {
      const id = message_id(message);
      if (seen.has(id)) return false;
      seen.add(id);
      return true;
    });
  });

  return {
    page,
    get shown() { return tailing() ? shown.slice(0, TAIL_MAX) : shown; },
    get held() { return held.length; },
    get skipped() { return skipped; },
    show_held() {
      fresh = [...held, ...fresh].slice(0, TAIL_MAX);
      held = [];
    },
  };
}
