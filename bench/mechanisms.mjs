/**
 * Events per second of the mechanisms in virtual time, and their ratio to a bare heap loop in the
 * same run: `npm run build && node bench/mechanisms.mjs`. Goal: limiter + batching at
 * 2 million events per second on one core. Each figure is the best of several rounds, which is the
 * one least disturbed by other work on the machine.
 */
import { performance } from 'node:perf_hooks';

import { Heap } from '../dist/core/heap.js';
import { Random } from '../dist/core/random.js';
import { createArrivals } from '../dist/mechanisms/arrivals.js';
import { BatchingEngine } from '../dist/mechanisms/batching.js';
import { DEBIT_RULES } from '../dist/mechanisms/debits/debit-rules.js';
import { createProviderLimit } from '../dist/mechanisms/provider-limit.js';
import { linearTiming } from '../dist/mechanisms/step-timing.js';
import { TokenBucket } from '../dist/mechanisms/token-bucket.js';

const ROUNDS = 5;
const GOAL_PER_SECOND = 2e6;

/** A queue of 1,000 events where each one that is due schedules the next. */
function bareHeap() {
  const heap = new Heap();
  const random = new Random('heap');
  for (let index = 0; index < 1000; index += 1) heap.push(random.uniform() * 1000, index);
  const events = 1_000_000;
  for (let event = 0; event < events; event += 1) {
    const nowMs = heap.peekKey();
    const item = heap.pop();
    heap.push(nowMs + 500 + (item % 500), item);
  }
  return events;
}

/** One bucket, a call every millisecond, half of them refused. */
function tokenBucket() {
  const bucket = new TokenBucket({ capacity: 100, refillPerSecond: 500 }, 0);
  const events = 2_000_000;
  let admitted = 0;
  for (let nowMs = 0; nowMs < events; nowMs += 1) if (bucket.take(nowMs, 1).admitted) admitted += 1;
  if (Math.abs(admitted - (events / 2 + 100)) > 2) throw new Error('bucket: wrong count');
  return events;
}

/** OpenAI's RPM and TPM taken atomically, then settled: two events per admitted call. */
function reserveAndSettle() {
  const limit = createProviderLimit('openai', { rpm: 60_000, tpm: 60_000_000 }, 0);
  const rule = DEBIT_RULES.openai;
  const call = { inputTokens: 800, maxOutputTokens: 100 };
  const options = { refundUnusedOutput: true };
  const usage = {
    tokens: {
      uncached: 800,
      cacheRead: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output: 60,
      reasoning: 0,
    },
  };
  let events = 0;
  for (let nowMs = 0; nowMs < 500_000; nowMs += 1) {
    const decision = limit.reserve(nowMs, rule.reserve(call, options));
    events += 1;
    if (!decision.admitted) continue;
    limit.settle(nowMs, decision.reservation, rule.settle(usage, call, options));
    events += 1;
  }
  return events;
}

/** A replica under load: every token and every end of a request is an event. */
function batching() {
  return drive(undefined);
}

/** The planner's loop: arrivals → limiter → replica → settlement, over one heap. */
function limiterAndBatching() {
  return drive(createProviderLimit('openai', { rpm: 60_000, tpm: 100_000_000 }, 0));
}

function drive(limit) {
  const engine = new BatchingEngine({
    maxNumSeqs: 256,
    maxNumBatchedTokens: 8192,
    kvBlocks: 40_000,
    stepTimeMs: linearTiming({
      stepMs: 6,
      decodeMsPerSeq: 0.05,
      decodeMsPerContextToken: 0,
      prefillTokensPerSecond: 40_000,
    }),
  });
  const arrivals = createArrivals({ kind: 'poisson', perSecond: 30 }, new Random('bench'));
  const rule = DEBIT_RULES.openai;
  const heap = new Heap();
  const calls = 10_000;
  let events = 0;
  const sink = {
    token: () => {
      events += 1;
    },
    finish: (request, atMs) => {
      events += 1;
      if (limit === undefined) return;
      limit.settle(atMs, request.reservation, rule.settle(request.usage, request.call, {}));
      events += 1;
    },
  };
  for (let index = 0; index < calls; index += 1) heap.push(arrivals.next(), index);
  while (heap.size > 0) {
    const nowMs = heap.peekKey();
    const index = heap.pop();
    engine.advanceInto(nowMs, sink);
    const promptTokens = 200 + (index % 13) * 50;
    const outputTokens = 50 + (index % 17) * 15;
    const call = { inputTokens: promptTokens, maxOutputTokens: 400 };
    const request = { promptTokens, outputTokens, call, usage: undefined, reservation: undefined };
    events += 1;
    if (limit !== undefined) {
      const decision = limit.reserve(nowMs, rule.reserve(call, {}));
      events += 1;
      if (!decision.admitted) continue;
      request.reservation = decision.reservation;
      request.usage = {
        tokens: {
          uncached: promptTokens,
          cacheRead: 0,
          cacheWrite5m: 0,
          cacheWrite1h: 0,
          output: outputTokens,
          reasoning: 0,
        },
      };
    }
    engine.submit(nowMs, request);
  }
  engine.advanceInto(Number.POSITIVE_INFINITY, sink);
  return events;
}

const cases = { bareHeap, tokenBucket, reserveAndSettle, batching, limiterAndBatching };
const best = {};
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(cases)) {
    const startMs = performance.now();
    const events = run();
    const perSecond = (events * 1000) / (performance.now() - startMs);
    best[name] = Math.max(best[name] ?? 0, perSecond);
  }
}

const millions = (value) => `${(value / 1e6).toFixed(1)} M events/s`;
for (const [name, perSecond] of Object.entries(best)) {
  console.log(
    `${name.padEnd(20)} ${millions(perSecond).padStart(16)}   ${(perSecond / best.bareHeap).toFixed(2)} of a bare heap`,
  );
}
const share = best.limiterAndBatching / GOAL_PER_SECOND;
console.log(
  `limiter + batching is ${share.toFixed(1)} times the goal of ${millions(GOAL_PER_SECOND)}`,
);
