// Tests of the whole in a browser, one after the other: they measure time and memory.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    environment: 'node',
    // The test runner has a BASE_URL of its own, so ours goes on under another name.
    env: { PAGES_URL: process.env.BASE_URL ?? '' },
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
