// What is shown of one topic, in the order of its tabs.

export const TABS: readonly { id: string; word: string }[] = [
  { id: 'messages', word: 'Messages' },
  { id: 'search', word: 'Search' },
  { id: 'partitions', word: 'Partitions' },
  { id: 'settings', word: 'Settings' },
];
