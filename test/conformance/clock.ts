import { describe, expect, test } from 'vitest';

import { sleep, sleepUntil } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';

export interface ClockCase {
  readonly name: string;
  /** A clock and what lets its time pass until `until` is settled. */
  readonly create: () => { clock: Clock; run: (until: Promise<unknown>) => Promise<void> };
  /** Test names this implementation does not promise, with the reason. */
  readonly skip: Readonly<Record<string, string>>;
}

interface Law {
  readonly title: string;
  readonly expectLaw: (subject: ReturnType<ClockCase['create']>) => Promise<void>;
}

/** What everything above relies on, for any clock. Real clocks make it take some 100 ms. */
export function clockConformance({ name, create, skip }: ClockCase): void {
  describe(`clock: ${name}`, () => {
    test.for(laws.filter(({ title }) => skip[title] === undefined))('$title', ({ expectLaw }) =>
      expectLaw(create()),
    );

    test('skips name laws that exist', () => {
      const titles = laws.map(({ title }) => title);
      expect(Object.keys(skip).filter((title) => !titles.includes(title))).toEqual([]);
    });
  });
}

const laws: readonly Law[] = [
  {
    title: 'an action runs once, never before its time and never inside at()',
    expectLaw: async ({ clock, run }) => {
      const due = clock.now() + 20;
      const seen: number[] = [];
      clock.at(due, () => seen.push(clock.now()));
      expect(seen).toEqual([]);
      await run(sleepUntil(clock, due + 15));
      expect(seen).toHaveLength(1);
      expect(seen[0]).toBeGreaterThanOrEqual(due);
    },
  },
  {
    title: 'a time in the past runs soon, but not at once',
    expectLaw: async ({ clock, run }) => {
      let ran = false;
      clock.at(clock.now() - 1000, () => {
        ran = true;
      });
      expect(ran).toBe(false);
      await run(sleep(clock, 15));
      expect(ran).toBe(true);
    },
  },
  {
    title: 'actions run in the order of their times',
    expectLaw: async ({ clock, run }) => {
      const start = clock.now();
      const order: string[] = [];
      clock.at(start + 40, () => order.push('third'));
      clock.at(start + 10, () => order.push('first'));
      clock.at(start + 25, () => order.push('second'));
      await run(sleepUntil(clock, start + 60));
      expect(order).toEqual(['first', 'second', 'third']);
    },
  },
  {
    title: 'actions of one instant run in the order they were asked for',
    expectLaw: async ({ clock, run }) => {
      const due = clock.now() + 10;
      const order: number[] = [];
      for (let index = 0; index < 20; index += 1) clock.at(due, () => order.push(index));
      await run(sleepUntil(clock, due + 10));
      expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
    },
  },
  {
    title: 'a cancelled action never runs; cancelling again or too late does nothing',
    expectLaw: async ({ clock, run }) => {
      let runs = 0;
      const cancel = clock.at(clock.now() + 10, () => (runs += 1));
      const late = clock.at(clock.now() + 5, () => (runs += 10));
      cancel();
      cancel();
      await run(sleep(clock, 30));
      late();
      expect(runs).toBe(10);
    },
  },
  {
    title: 'an action may ask for more, also for the same instant',
    expectLaw: async ({ clock, run }) => {
      const times: number[] = [];
      const again = (): void => {
        times.push(clock.now());
        if (times.length < 5)
          clock.at(times.length % 2 === 0 ? clock.now() : clock.now() + 5, again);
      };
      clock.at(clock.now() + 5, again);
      await run(sleep(clock, 80));
      expect(times).toHaveLength(5);
      for (let index = 1; index < 5; index += 1) {
        expect(times[index]! - times[index - 1]!).toBeGreaterThanOrEqual(index % 2 === 0 ? 0 : 5);
      }
    },
  },
  {
    title: 'time never goes back',
    expectLaw: async ({ clock, run }) => {
      let last = clock.now();
      for (let index = 0; index < 10; index += 1) {
        await run(sleep(clock, 1));
        expect(clock.now()).toBeGreaterThanOrEqual(last + 1);
        last = clock.now();
      }
    },
  },
  {
    title: 'a sleep ends with the reason of its signal, before or during it',
    expectLaw: async ({ clock, run }) => {
      const reason = new Error('enough');
      await expect(sleep(clock, 10, AbortSignal.abort(reason))).rejects.toBe(reason);
      const controller = new AbortController();
      const sleeping = sleep(clock, 60_000, controller.signal);
      const ended = sleeping.catch((thrown: unknown) => thrown);
      clock.at(clock.now() + 5, () => controller.abort(reason));
      await run(sleep(clock, 10));
      expect(await ended).toBe(reason);
    },
  },
  {
    title: 'no number is no time',
    expectLaw: async ({ clock }) => {
      expect(() => clock.at(Number.NaN, () => {})).toThrow(RangeError);
    },
  },
];
