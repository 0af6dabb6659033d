import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Budget } from '../../src/mechanisms/budget.ts';
import type { BudgetDecision, BudgetReservation } from '../../src/mechanisms/budget.ts';

function reserved(decision: BudgetDecision): BudgetReservation {
  if (!decision.admitted) throw new Error(`refused by ${decision.budget}`);
  return decision.reservation;
}

test('a hard budget refuses what does not fit with everything under way', () => {
  const budget = new Budget({ name: 'agent', limitUsd: 1, mode: 'hard' });
  const first = reserved(budget.reserve(0, 0.6));
  expect(budget.reserve(0, 0.5)).toEqual({ admitted: false, budget: 'agent', leftUsd: 0.4 });
  budget.settle(0, first, 0.1);
  expect(budget.reserve(0, 0.9).admitted).toBe(true);
  expect(budget.leftUsd(0)).toBeCloseTo(0, 12);
});

test('a parent refuses for its children and nothing is taken anywhere', () => {
  const tenant = new Budget({ name: 'tenant', limitUsd: 1, mode: 'hard' });
  const a = new Budget({ name: 'a', limitUsd: 5, mode: 'hard', parent: tenant });
  const b = new Budget({ name: 'b', limitUsd: 5, mode: 'hard', parent: tenant });
  const held = reserved(a.reserve(0, 0.8));
  expect(b.reserve(0, 0.3)).toMatchObject({ admitted: false, budget: 'tenant' });
  expect(b.reservedUsd).toBe(0);
  a.settle(0, held, 0.8);
  expect(tenant.spentUsd(0)).toBe(0.8);
});

test('a soft budget admits and says so; warnings come once each', () => {
  const budget = new Budget({ name: 'user', limitUsd: 1, mode: 'soft', warnAt: [0.5, 0.8, 1] });
  const warnings: number[] = [];
  for (let call = 0; call < 6; call += 1) {
    const decision = budget.reserve(0, 0.3);
    expect(decision).toMatchObject({ admitted: true, over: call < 3 ? [] : ['user'] });
    for (const { share } of budget.settle(0, reserved(decision), 0.3)) warnings.push(share);
  }
  expect(warnings).toEqual([0.5, 0.8, 1]);
});

test('a call above its reservation is charged in full and stops the next one', () => {
  const budget = new Budget({ name: 'session', limitUsd: 1, mode: 'hard' });
  budget.settle(0, reserved(budget.reserve(0, 0.5)), 1.2);
  expect(budget.leftUsd(0)).toBeCloseTo(-0.2, 12);
  expect(budget.reserve(0, 0).admitted).toBe(false);
});

test('a new period is full again, less what is still under way', () => {
  const budget = new Budget({ name: 'day', limitUsd: 1, mode: 'hard', periodMs: 1000 });
  budget.settle(0, reserved(budget.reserve(0, 0.5)), 0.5);
  reserved(budget.reserve(900, 0.4));
  expect(budget.leftUsd(1000)).toBeCloseTo(0.6, 12);
});

test('property: a hard budget is never exceeded, settling twice changes nothing, refunds are exact', () => {
  const action = fc.record({
    child: fc.integer({ min: 0, max: 1 }),
    kind: fc.constantFrom('reserve', 'settle', 'refund', 'again'),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const tenant = new Budget({ name: 'tenant', limitUsd: 10, mode: 'hard' });
      const children = [4, 8].map(
        (limitUsd, index) =>
          new Budget({ name: String(index), limitUsd, mode: 'hard', parent: tenant }),
      );
      const open: { child: Budget; reservation: BudgetReservation }[] = [];
      const done: typeof open = [];
      for (const { child, kind, share, pick } of actions) {
        if (kind === 'reserve') {
          const decision = children[child]!.reserve(0, share * 5);
          if (decision.admitted)
            open.push({ child: children[child]!, reservation: decision.reservation });
        } else {
          const list = kind === 'again' ? done : open;
          if (list.length === 0) continue;
          const [entry] = list.splice(pick % list.length, 1);
          const before = tenant.spentUsd(0);
          if (kind === 'refund') entry!.child.refund(0, entry!.reservation);
          else entry!.child.settle(0, entry!.reservation, entry!.reservation.usd * share);
          if (kind !== 'settle' && tenant.spentUsd(0) !== before) return false;
          done.push(entry!);
        }
        for (const budget of [tenant, ...children]) {
          if (budget.spentUsd(0) + budget.reservedUsd > budget.limitUsd * (1 + 1e-6)) return false;
        }
      }
      let held = 0;
      for (const { reservation } of open) held += reservation.usd;
      return Math.abs(held - tenant.reservedUsd) < 1e-9;
    }),
  );
});
