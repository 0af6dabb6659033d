import { expect } from 'vitest';

/** Polls without change before a counter counts as standing still: half a second. */
const STILL_POLLS = 10;

/** Resolves when a counter has started and then not moved for half a second. */
export async function expectStill(counter: () => number): Promise<void> {
  let last = -1;
  let same = 0;
  await expect
    .poll(
      () => {
        const value = counter();
        same = value === last && value > 0 ? same + 1 : 0;
        last = value;
        return same;
      },
      { interval: 50, timeout: 4500 },
    )
    .toBeGreaterThanOrEqual(STILL_POLLS);
}
