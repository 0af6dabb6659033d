import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ConcurrencyLimit } from '../../src/mechanisms/concurrency-limit.ts';
import { RateLimit } from '../../src/mechanisms/rate-limit.ts';
import type { RateLimitOptions, Reservation } from '../../src/mechanisms/rate-limit.ts';
import { TokenBucket } from '../../src/mechanisms/token-bucket.ts';
import { FixedWindow } from '../../src/mechanisms/windows.ts';

const ten = { requests: 1, tokens: 10 };

function limit(options: RateLimitOptions = {}) {
  const requests = new TokenBucket({ capacity: 5, refillPerSecond: 1 }, 0);
  const tokens = new TokenBucket({ capacity: 100, refillPerSecond: 10 }, 0);
  const inFlight = new ConcurrencyLimit({ limit: 3 });
  const rateLimit = new RateLimit(
    [
      { name: 'requests', meter: requests },
      { name: 'tokens', meter: tokens },
      { name: 'inFlight', meter: inFlight },
    ],
    { held: ['inFlight'], ...options },
  );
  return { rateLimit, requests, tokens, inFlight };
}

function reserved(decision: ReturnType<RateLimit['reserve']>): Reservation {
  if (!decision.admitted) throw new Error(`refused by ${decision.dimension}`);
  return decision.reservation;
}

describe('reserve', () => {
  test('is all or nothing: a refusal by one dimension leaves the others alone', () => {
    const { rateLimit, requests, tokens, inFlight } = limit();
    tokens.force(0, 95);
    expect(rateLimit.reserve(0, { requests: 1, tokens: 10, inFlight: 1 })).toEqual({
      admitted: false,
      waitMs: 500,
      dimension: 'tokens',
      requested: 10,
      used: 95,
      limit: 100,
    });
    expect([requests.level(0), tokens.level(0), inFlight.used()]).toEqual([5, 5, 0]);
  });

  test('the binding dimension is the one with the longest wait', () => {
    const { rateLimit, requests, tokens } = limit();
    requests.force(0, 5);
    tokens.force(0, 95);
    expect(rateLimit.reserve(0, ten)).toMatchObject({ dimension: 'requests', waitMs: 1000 });
  });

  test('an explicit amount above the limit waits for ever, an estimate is cut to it', () => {
    const { rateLimit, tokens } = limit();
    expect(rateLimit.reserve(0, { tokens: 1024 })).toMatchObject({ waitMs: Infinity });
    expect(rateLimit.reserve(0, { tokens: 1024 }, new Set(['tokens'])).admitted).toBe(true);
    expect(tokens.level(0)).toBe(0);
  });

  test('a fan-out admits only what fits', () => {
    const { rateLimit } = limit();
    const decisions = [1, 2, 3, 4, 5].map(() => rateLimit.reserve(0, { requests: 1, tokens: 40 }));
    expect(decisions.map(({ admitted }) => admitted)).toEqual([true, true, false, false, false]);
  });

  test('a refused call counts where it has room, and only there', () => {
    const { rateLimit, requests, tokens } = limit({ countRefused: ['requests'] });
    tokens.force(0, 95);
    for (let index = 0; index < 20; index += 1) rateLimit.reserve(0, ten);
    expect(requests.level(0)).toBe(0);
    expect(tokens.level(0)).toBe(5);
    // The wait printed for the full request bucket stays true although refusals are counted.
    expect(rateLimit.reserve(0, { requests: 1 })).toMatchObject({ waitMs: 1000 });
    expect(rateLimit.reserve(1000, { requests: 1 }).admitted).toBe(true);
  });
});

describe('settle and refund', () => {
  test.for([
    { why: 'less than reserved: the rest comes back', actual: { tokens: 30 }, level: 70 },
    { why: 'more than reserved: taken, into debt if need be', actual: { tokens: 130 }, level: -30 },
    { why: 'not named: stays as reserved', actual: {}, level: 50 },
  ])('$why', ({ actual, level }) => {
    const { rateLimit, tokens, inFlight } = limit();
    const reservation = reserved(rateLimit.reserve(0, { tokens: 50, inFlight: 1 }));
    expect(inFlight.used()).toBe(1);
    rateLimit.settle(0, reservation, actual);
    expect(tokens.level(0)).toBe(level);
    expect(inFlight.used()).toBe(0);
  });

  test('closes exactly once', () => {
    const { rateLimit, tokens } = limit();
    const reservation = reserved(rateLimit.reserve(0, { tokens: 50 }));
    expect(rateLimit.refund(0, reservation)).toBe(true);
    expect(rateLimit.settle(0, reservation, { tokens: 50 })).toBe(false);
    expect(rateLimit.refund(0, reservation)).toBe(false);
    expect(tokens.level(0)).toBe(100);
    expect(reservation.state).toBe('refunded');
  });

  test('a failed call may keep its request and return its tokens', () => {
    const { rateLimit, requests, tokens, inFlight } = limit();
    const reservation = reserved(rateLimit.reserve(0, { ...ten, inFlight: 1 }));
    rateLimit.refund(0, reservation, ['requests', 'inFlight']);
    expect([requests.level(0), tokens.level(0), inFlight.used()]).toEqual([4, 100, 0]);
  });

  test('output counted while it is generated is part of the reservation', () => {
    const { rateLimit, tokens } = limit();
    const reservation = reserved(rateLimit.reserve(0, { tokens: 0 }));
    rateLimit.extend(0, reservation, 'tokens', 30);
    rateLimit.extend(0, reservation, 'tokens', 20);
    expect(tokens.level(0)).toBe(50);
    rateLimit.settle(0, reservation, { tokens: 45 });
    expect(tokens.level(0)).toBe(55);
    rateLimit.extend(0, reservation, 'tokens', 20);
    expect(tokens.level(0)).toBe(55);
  });

  test('a debit of an older window is not returned into the present one', () => {
    const window = new FixedWindow({ limit: 100, windowMs: 1000 });
    const rateLimit = new RateLimit([{ name: 'tokens', meter: window }]);
    const reservation = reserved(rateLimit.reserve(0, { tokens: 80 }));
    window.force(1500, 60);
    rateLimit.settle(1500, reservation, { tokens: 10 });
    expect(window.used(1500)).toBe(60);
  });
});

describe('time to live', () => {
  test('an abandoned reservation is charged as reserved and releases what it held', () => {
    const { rateLimit, tokens, inFlight } = limit({ reservationTtlMs: 1000 });
    const reservation = reserved(rateLimit.reserve(0, { tokens: 50, inFlight: 3 }));
    expect(rateLimit.reserve(999, { inFlight: 1 }).admitted).toBe(false);
    expect(rateLimit.reserve(1000, { inFlight: 1 }).admitted).toBe(true);
    expect(reservation.state).toBe('expired');
    expect(rateLimit.settle(1000, reservation, { tokens: 0 })).toBe(false);
    expect(tokens.level(1000)).toBe(60);
    expect(inFlight.used()).toBe(1);
  });

  test('progress of the stream keeps it alive', () => {
    const { rateLimit } = limit({ reservationTtlMs: 1000 });
    const reservation = reserved(rateLimit.reserve(0, { inFlight: 1 }));
    rateLimit.renew(900, reservation);
    expect(rateLimit.expire(1500)).toBe(0);
    expect(rateLimit.expire(1900)).toBe(1);
  });
});

test('property: net debits never exceed the envelope and refunds never exceed debits', () => {
  const action = fc.record({
    gapMs: fc.integer({ min: 0, max: 2000 }),
    kind: fc.constantFrom('reserve', 'settle', 'refund', 'again'),
    tokens: fc.integer({ min: 0, max: 120 }),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const { rateLimit, requests, tokens, inFlight } = limit();
      const open: Reservation[] = [];
      const closed: Reservation[] = [];
      let nowMs = 0;
      let net = 0; // tokens debited minus tokens returned, by the reservations' own account
      let debt = 0; // settlements above the reservation are not admissions
      for (const { gapMs, kind, tokens: amount, pick } of actions) {
        nowMs += gapMs;
        const before = tokens.level(nowMs);
        if (kind === 'reserve') {
          const decision = rateLimit.reserve(nowMs, { requests: 1, tokens: amount, inFlight: 1 });
          if (decision.admitted) {
            open.push(decision.reservation);
            net += amount;
          } else if (tokens.level(nowMs) !== before) return false;
          continue;
        }
        const list = kind === 'again' ? closed : open;
        if (list.length === 0) continue;
        const [reservation] = list.splice(pick % list.length, 1);
        const reservedTokens = reservation!.amounts['tokens']!;
        if (kind === 'again') {
          rateLimit.refund(nowMs, reservation!);
          if (tokens.level(nowMs) !== before) return false;
          continue;
        }
        if (kind === 'refund') rateLimit.refund(nowMs, reservation!);
        else rateLimit.settle(nowMs, reservation!, { tokens: amount });
        const returned = tokens.level(nowMs) - before;
        if (returned > reservedTokens + 1e-9) return false;
        net += (kind === 'refund' ? 0 : amount) - reservedTokens;
        if (kind === 'settle') debt += Math.max(0, amount - reservedTokens);
        closed.push(reservation!);
      }
      const envelope = 100 + (10 * nowMs) / 1000 + debt + 1e-3;
      return (
        net <= envelope &&
        inFlight.used() === open.length &&
        requests.level(nowMs) <= 5 &&
        tokens.level(nowMs) <= 100
      );
    }),
  );
});
