import { defineConfig } from 'vitest/config';

// Real load in real time, mostly waiting: beside each other, when no other test competes for the
// cores. They bound times from below, never from above.
const TIMED = [
  'test/e2e/loadtest.test.ts',
  'test/e2e/find-capacity.test.ts',
  'test/e2e/demo.test.ts',
];

export default defineConfig({
  test: {
    globalSetup: ['test/support/build-binary.ts'],
    // The default leaves one core of two idle.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: TIMED,
          // Generous: a slow machine must not fail a test that asserts nothing about time.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'timed',
          include: TIMED,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: { provider: 'v8', include: ['src/**'] },
  },
});
