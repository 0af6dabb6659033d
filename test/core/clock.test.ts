import { expect, test } from 'vitest';

import { VirtualClock, sleep } from '../../src/core/clock.ts';

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('time jumps from event to event and stops at the end that was asked for', async () => {
  const clock = new VirtualClock(settle);
  const seen: number[] = [];
  clock.at(86_400_000, () => seen.push(clock.now()));
  clock.at(5, () => seen.push(clock.now()));
  await clock.run(1000);
  expect(seen).toEqual([5]);
  expect(clock.now()).toBe(1000);
  await clock.run();
  expect(seen).toEqual([5, 86_400_000]);
  expect(clock.now()).toBe(86_400_000);
});

test('an event exactly at the end still runs', async () => {
  const clock = new VirtualClock(settle);
  let ran = false;
  clock.at(1000, () => {
    ran = true;
  });
  await clock.run(1000);
  expect(ran).toBe(true);
});

test('a promise chain of any length is done before time moves on', async () => {
  const clock = new VirtualClock(settle);
  const at: number[] = [];
  const work = async (): Promise<void> => {
    for (let index = 0; index < 500; index += 1) await Promise.resolve();
    at.push(clock.now());
    await sleep(clock, 10);
    for (let index = 0; index < 500; index += 1) await Promise.resolve();
    at.push(clock.now());
  };
  void work();
  clock.at(3, () => {});
  clock.at(11, () => {});
  await clock.run();
  expect(at).toEqual([0, 10]);
});

test('a cancelled timer does not move the clock', async () => {
  const clock = new VirtualClock(settle);
  const cancel = clock.at(60_000, () => {});
  clock.at(10, () => cancel());
  await clock.run();
  expect(clock.now()).toBe(10);
});

test('a cancellation by an earlier action of the same instant holds', async () => {
  const clock = new VirtualClock(settle);
  let ran = false;
  let cancel = (): void => {};
  clock.at(10, () => cancel());
  cancel = clock.at(10, () => {
    ran = true;
  });
  await clock.run();
  expect(ran).toBe(false);
});

test('the end of a run never moves time back', async () => {
  const clock = new VirtualClock(settle, 5000);
  await clock.run(1000);
  expect(clock.now()).toBe(5000);
});
