import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { CircuitBreaker } from '../../src/mechanisms/circuit-breaker.ts';
import type {
  CircuitBreakerOptions,
  CircuitOutcome,
  CircuitTicket,
} from '../../src/mechanisms/circuit-breaker.ts';

const options: CircuitBreakerOptions = {
  windowMs: 10_000,
  minimumCalls: 4,
  failureShare: 0.5,
  openMs: 1000,
  maxOpenMs: 4000,
};

function call(breaker: CircuitBreaker, nowMs: number, outcome: CircuitOutcome): boolean {
  const decision = breaker.allow(nowMs);
  if (decision.allowed) breaker.record(nowMs, decision.ticket, outcome);
  return decision.allowed;
}

function ticket(breaker: CircuitBreaker, nowMs: number): CircuitTicket {
  const decision = breaker.allow(nowMs);
  if (!decision.allowed) throw new Error('refused');
  return decision.ticket;
}

describe('opening', () => {
  test.for<{ why: string; outcomes: CircuitOutcome[]; state: string; more?: object }>([
    { why: 'too few calls to judge', outcomes: ['failure', 'failure', 'failure'], state: 'closed' },
    {
      why: 'half of the window failed',
      outcomes: ['success', 'failure', 'success', 'failure'],
      state: 'open',
    },
    {
      why: 'less than half failed',
      outcomes: ['success', 'failure', 'success', 'success'],
      state: 'closed',
    },
    {
      why: 'faults of the caller and throttles do not count',
      outcomes: ['neutral', 'neutral', 'neutral', 'neutral', 'neutral', 'failure'],
      state: 'closed',
    },
    {
      why: 'slow calls count only when asked for',
      outcomes: ['slow', 'slow', 'slow', 'slow'],
      state: 'closed',
    },
    {
      why: 'slow calls alone open it',
      outcomes: ['slow', 'slow', 'slow', 'slow'],
      state: 'open',
      more: { slowShare: 0.8 },
    },
  ])('$why', ({ outcomes, state, more }) => {
    const breaker = new CircuitBreaker({ ...options, ...more });
    for (const outcome of outcomes) call(breaker, 0, outcome);
    expect(breaker.state(0)).toBe(state);
  });

  test('old failures leave the window', () => {
    const breaker = new CircuitBreaker(options);
    for (let index = 0; index < 3; index += 1) call(breaker, 0, 'failure');
    call(breaker, 20_000, 'failure');
    expect(breaker.state(20_000)).toBe('closed');
  });
});

describe('after opening', () => {
  function opened(more: Partial<CircuitBreakerOptions> = {}, random?: Random): CircuitBreaker {
    const breaker = new CircuitBreaker({ ...options, ...more }, random);
    for (let index = 0; index < 4; index += 1) call(breaker, 0, 'failure');
    return breaker;
  }

  test('refuses with the time left, then lets one probe through', () => {
    const breaker = opened();
    expect(breaker.allow(400)).toEqual({ allowed: false, waitMs: 600 });
    expect(breaker.allow(1000)).toMatchObject({ allowed: true, ticket: { probe: true } });
    expect(breaker.allow(1100)).toEqual({ allowed: false, waitMs: 900 });
  });

  test('a good probe closes it with a clean window', () => {
    const breaker = opened();
    call(breaker, 1000, 'success');
    expect(breaker.state(1000)).toBe('closed');
    for (let index = 0; index < 3; index += 1) call(breaker, 1000, 'failure');
    expect(breaker.state(1000)).toBe('closed');
  });

  test('bad probes double the wait up to the cap; closing resets it', () => {
    const breaker = opened();
    let nowMs = 0;
    for (const openMs of [1000, 2000, 4000, 4000]) {
      expect(breaker.allow(nowMs + openMs - 1).allowed).toBe(false);
      nowMs += openMs;
      expect(call(breaker, nowMs, 'failure')).toBe(true);
    }
    nowMs += 4000;
    call(breaker, nowMs, 'success');
    for (let index = 0; index < 4; index += 1) call(breaker, nowMs, 'failure');
    expect(breaker.allow(nowMs)).toEqual({ allowed: false, waitMs: 1000 });
  });

  test('several probes must all succeed', () => {
    const breaker = opened({ probes: 2 });
    const [first, second] = [ticket(breaker, 1000), ticket(breaker, 1000)];
    expect(breaker.allow(1000).allowed).toBe(false);
    breaker.record(1200, first, 'success');
    expect(breaker.state(1200)).toBe('half-open');
    breaker.record(1200, second, 'success');
    expect(breaker.state(1200)).toBe('closed');
  });

  test('a probe that never reports gives its place back', () => {
    const breaker = opened({ probeTimeoutMs: 500 });
    ticket(breaker, 1000);
    expect(breaker.allow(1499).allowed).toBe(false);
    expect(breaker.allow(1500).allowed).toBe(true);
  });

  test('outcomes of calls from before the opening change nothing', () => {
    const breaker = new CircuitBreaker(options);
    const old = ticket(breaker, 0);
    for (let index = 0; index < 4; index += 1) call(breaker, 0, 'failure');
    breaker.record(1000, old, 'success');
    expect(breaker.state(900)).toBe('open');
    const probe = ticket(breaker, 1000);
    breaker.record(1000, old, 'failure');
    expect(breaker.state(1000)).toBe('half-open');
    breaker.record(1000, probe, 'success');
    expect(breaker.state(1000)).toBe('closed');
  });

  test('a crowd of late failures from before does not open it again', () => {
    const breaker = new CircuitBreaker(options);
    const old = Array.from({ length: 10 }, () => ticket(breaker, 0));
    for (let index = 0; index < 4; index += 1) call(breaker, 0, 'failure');
    call(breaker, 1000, 'success');
    for (const late of old) breaker.record(1001, late, 'failure');
    expect(breaker.state(1001)).toBe('closed');
  });

  test('jitter lengthens the wait by at most a quarter', () => {
    const waits = Array.from({ length: 50 }, (_, seed) => {
      const decision = opened({}, new Random(seed)).allow(0);
      return decision.allowed ? 0 : decision.waitMs;
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...waits)).toBeLessThan(1250);
    expect(new Set(waits).size).toBeGreaterThan(40);
  });

  test('opened by hand it stays open until then', () => {
    const breaker = new CircuitBreaker(options);
    breaker.open(5000);
    expect(breaker.allow(4999)).toEqual({ allowed: false, waitMs: 1 });
    expect(breaker.allow(5000).allowed).toBe(true);
  });
});

test('property: a dead target is called at most window + one probe per open period', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 200 }), (gaps) => {
      const breaker = new CircuitBreaker({ ...options, maxOpenMs: 1000 });
      let nowMs = 0;
      let calls = 0;
      for (const gapMs of gaps) {
        nowMs += gapMs;
        if (call(breaker, nowMs, 'failure')) calls += 1;
      }
      return calls <= options.minimumCalls + nowMs / options.openMs + 1;
    }),
  );
});
