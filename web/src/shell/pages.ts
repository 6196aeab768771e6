// The pages there are, in the order of the rail.

import type { IconName } from './icons';

export const PAGES: readonly { path: string; word: string; icon: IconName }[] = [
  { path: '/', word: 'Live trading', icon: 'trading' },
  { path: '/pipeline', word: 'Pipeline', icon: 'pipeline' },
  { path: '/views', word: 'Views', icon: 'views' },
  { path: '/topics', word: 'Topics', icon: 'topics' },
  { path: '/groups', word: 'Groups', icon: 'groups' },
  { path: '/queries', word: 'Queries', icon: 'queries' },
  { path: '/docs', word: 'API', icon: 'docs' },
];
