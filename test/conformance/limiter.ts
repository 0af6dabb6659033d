import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Meter } from '../../src/mechanisms/meter.ts';

export interface LimiterCase {
  readonly name: string;
  readonly create: (nowMs: number) => Meter;
  /** Amounts worth asking for: some should fit, some should not. */
  readonly amounts: fc.Arbitrary<number>;
  /** Laws this kind of limit does not follow, with the reason. */
  readonly skip: Readonly<Record<string, string>>;
}

interface Law {
  readonly title: string;
  readonly holds: (meter: Meter, steps: readonly Step[], originMs: number) => boolean;
}

interface Step {
  readonly gapMs: number;
  readonly amount: number;
}

/** Laws of anything that limits, over random histories and two clock origins. */
export function limiterConformance({ name, create, amounts, skip }: LimiterCase): void {
  describe(`limiter: ${name}`, () => {
    const steps = fc.array(
      fc.record({ gapMs: fc.double({ min: 0, max: 3000, noNaN: true }), amount: amounts }),
      { minLength: 1, maxLength: 60 },
    );
    test.for(laws.filter(({ title }) => skip[title] === undefined))('$title', ({ holds }) => {
      fc.assert(
        fc.property(steps, fc.constantFrom(0, 1.76e12), (history, originMs) =>
          holds(create(originMs), history, originMs),
        ),
      );
    });

    test('skips name laws that exist', () => {
      const titles = laws.map(({ title }) => title);
      expect(Object.keys(skip).filter((title) => !titles.includes(title))).toEqual([]);
    });
  });
}

/** Comparison of sums of doubles, as a share of the limit. */
const TOLERANCE = 1e-6;

function near(a: number, b: number, scale: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(1, scale);
}

const laws: readonly Law[] = [
  {
    title: 'waitMs is 0 exactly when take admits',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        const waitMs = meter.waitMs(nowMs, amount);
        return meter.take(nowMs, amount).admitted === (waitMs === 0) && waitMs >= 0;
      }),
  },
  {
    title: 'a refusal changes nothing',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        const before = meter.used(nowMs);
        const { admitted } = meter.take(nowMs, amount);
        return admitted || meter.used(nowMs) === before;
      }),
  },
  {
    title: 'an admission counts in full',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        const before = meter.used(nowMs);
        const { admitted } = meter.take(nowMs, amount);
        return !admitted || near(meter.used(nowMs), before + amount, amount + before);
      }),
  },
  {
    title: 'take alone never goes above the limit',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        meter.take(nowMs, amount);
        return meter.used(nowMs) <= meter.limit * (1 + TOLERANCE) + 1e-3;
      }),
  },
  {
    title: 'who waits as long as it was told is admitted',
    holds: (meter, steps, originMs) => {
      let nowMs = originMs;
      for (const { gapMs, amount } of steps) {
        nowMs += gapMs;
        const first = meter.take(nowMs, amount);
        if (first.admitted || first.waitMs === Number.POSITIVE_INFINITY) continue;
        nowMs += first.waitMs;
        if (!meter.take(nowMs, amount).admitted) return false;
      }
      return true;
    },
  },
  {
    title: 'the wait is infinite exactly for amounts above the limit',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        const admission = meter.take(nowMs, amount);
        const never = !admission.admitted && admission.waitMs === Number.POSITIVE_INFINITY;
        return never === amount > meter.limit;
      }),
  },
  {
    title: 'give takes back a debit of the same instant',
    holds: (meter, steps, originMs) =>
      walk(steps, originMs, (nowMs, amount) => {
        const before = meter.used(nowMs);
        meter.force(nowMs, amount);
        meter.give(nowMs, amount, nowMs);
        const restored = near(meter.used(nowMs), before, before + amount);
        meter.take(nowMs, amount);
        return restored;
      }),
  },
  {
    title: 'a late refund never takes back more than was debited',
    holds: (meter, steps, originMs) => {
      let nowMs = originMs;
      for (const { gapMs, amount } of steps) {
        const { admitted } = meter.take(nowMs, amount);
        const debitedAtMs = nowMs;
        nowMs += gapMs;
        if (!admitted) continue;
        const before = meter.used(nowMs);
        meter.give(nowMs, amount, debitedAtMs);
        const after = meter.used(nowMs);
        if (after < -1e-6 || before - after > amount * (1 + TOLERANCE) + 1e-6) return false;
      }
      return true;
    },
  },
  {
    title: 'a debit above the limit is remembered',
    holds: (meter, steps, originMs) => {
      meter.force(originMs, 3 * Math.min(meter.limit, 1e6));
      return meter.waitMs(originMs, Math.min(meter.limit, 1)) > 0 && steps.length > 0;
    },
  },
  {
    title: 'nothing counts any more after resetMs',
    holds: (meter, steps, originMs) => {
      let nowMs = originMs;
      for (const { gapMs, amount } of steps) {
        nowMs += gapMs;
        meter.take(nowMs, amount);
      }
      return Math.abs(meter.used(nowMs + meter.resetMs(nowMs))) <= 1e-2;
    },
  },
  {
    title: 'an older clock reading neither refills nor forgets',
    holds: (meter, steps, originMs) => {
      const lateMs = originMs + 10 * 3_600_000;
      for (const { amount } of steps) meter.take(lateMs, amount);
      return near(meter.used(originMs), meter.used(lateMs), meter.used(lateMs));
    },
  },
];

function walk(
  steps: readonly Step[],
  originMs: number,
  holds: (nowMs: number, amount: number) => boolean,
): boolean {
  let nowMs = originMs;
  for (const { gapMs, amount } of steps) {
    nowMs += gapMs;
    if (!holds(nowMs, amount)) return false;
  }
  return true;
}
