// What the kinds of topics are called on the pages.

import type { TopicKind } from '../../api/types';

export const KIND_WORDS: Record<TopicKind, string> = {
  source: 'rows as they came',
  clients: 'records of Kafka clients',
  rows: 'rows of a view',
  upserts: 'changes of a view',
  dead_letter: 'rejected rows',
  late: 'late rows',
};
