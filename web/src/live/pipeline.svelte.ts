// The stages as they run, and the ledger; pushed by the server, fetched again where the feed was cut.

import { api, live_pipeline_address } from '../api/client';
import type { LedgerLine, Pipeline } from '../api/types';
import { Painter, Refresher } from './pace';
import { resource } from './resource.svelte';
import { follow } from './stream.svelte';

const LEDGER_EVERY_MS = 2_000;

export function open_pipeline() {
  const pipeline = resource<Pipeline>(() => ({ key: 'pipeline', fetch: api.pipeline }));
  const ledger = resource<LedgerLine[]>(() => ({ key: 'ledger', fetch: api.ledger }), LEDGER_EVERY_MS);
  let latest: Pipeline | null = null;
  const painter = new Painter(() => {
    if (latest) pipeline.data = latest;
  });
  const refresher = new Refresher(() => ledger.again());
  follow(() => ({
    address: live_pipeline_address,
    on_open: (resumed) => void (resumed && pipeline.again()),
    on_event: ({ event, data }) => {
      if (event !== 'pipeline') return;
      latest = JSON.parse(data) as Pipeline;
      painter.request();
      refresher.changed();
    },
  }));
  $effect(() => () => {
    painter.stop();
    refresher.stop();
  });
  return { pipeline, ledger };
}
