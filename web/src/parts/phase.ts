// The states of a stage as the pages tell them.

import type { Phase } from '../api/types';

export const PHASE_WORDS: Record<Phase, { mark: string; word: string }> = {
  starting: { mark: '○', word: 'starting' },
  running: { mark: '▶', word: 'running' },
  idle: { mark: '●', word: 'waiting for more' },
  held: { mark: '❚❚', word: 'held back' },
  done: { mark: '✓', word: 'done' },
  failed: { mark: '✕', word: 'failed' },
};
