import { describe, expect, test } from 'vitest';

import { stackLoad } from '../../src/capacity/stack-activity.ts';
import { shareLonger, stackWorkload } from '../../src/capacity/stack-workload.ts';
import type { SessionSkeleton } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { ASSUMED_TIMING, trafficFromSkeletons } from '../../src/capacity/traffic.ts';
import type { Traffic } from '../../src/capacity/traffic.ts';
import { loadOf, sizesOf, trafficOf, workloadOf } from './stack-example.ts';

/** One session per list of calls; each call `seconds` long, all after the one before. */
function traffic(
  sessions: readonly (readonly { input: number; output: number; seconds: number }[])[],
  parallel = false,
): Traffic {
  const skeletons = sessions.map((calls): SessionSkeleton => ({
    turns: [
      {
        thinkMs: 0,
        steps: calls.map(({ input, output, seconds }, index) => ({
          kind: 'llm' as const,
          id: `s${index}`,
          after: index === 0 || parallel ? [] : [`s${index - 1}`],
          tokens: { ...NO_TOKENS, uncached: input, output },
          durationMs: seconds * 1000,
        })),
      },
    ],
  }));
  return trafficFromSkeletons(skeletons, { timing: ASSUMED_TIMING, tokensKnown: true });
}

const sizes = { baseBytes: 1000, bytesPerToken: 4 };

describe('the workload', () => {
  test('state grows to the longest context and the answer, step by step', () => {
    // The second call has 1,000 + 500 tokens: 6,000 bytes, 3,000 per step, on a base of 1,000.
    const { state, promptBytes, answerBytes } = stackWorkload(
      traffic([
        [
          { input: 400, output: 100, seconds: 1 },
          { input: 1000, output: 500, seconds: 1 },
        ],
      ]),
      sizes,
    );
    expect(state).toEqual({
      finalBytes: 7000,
      finalBytesP99: 7000,
      bytesPerStep: 3000,
      // Reads 1,000 then 4,000 bytes: one unit of 4 KiB each. Writes 4,000 and 7,000: 4 and 7 of 1 KiB.
      readUnits: 1,
      writeUnits: 5.5,
      operationBytes: (2500 + 5500) / 2,
    });
    expect(promptBytes).toBe(700 * 4);
    expect(answerBytes).toBe(300 * 4);
  });

  test('bytes per step of the plan replace the tokens', () => {
    const calls = [
      { input: 9, output: 9, seconds: 1 },
      { input: 9, output: 9, seconds: 1 },
    ];
    const { state } = stackWorkload(traffic([calls]), { ...sizes, bytesPerStep: 10_000 });
    expect(state).toMatchObject({ finalBytes: 21_000, bytesPerStep: 10_000 });
  });

  test('without tokens or bytes per step the state is unknown, not zero', () => {
    const known = traffic([[{ input: 9, output: 9, seconds: 1 }]]);
    const { state, promptBytes } = stackWorkload({ ...known, tokensKnown: false }, sizes);
    expect(state).toBeNull();
    expect(promptBytes).toBeNull();
    const load = stackLoad(
      trafficOf(),
      workloadOf({ state, promptBytes, answerBytes: null }),
      sizesOf(),
    );
    expect(load.stateBytes).toBeNull();
    expect(load.month.egressGb).toBeNull();
    expect(load.month.natGb).toBeNull();
  });

  test('turns, fan-out and the share beyond a limit', () => {
    const call = (seconds: number) => ({ input: 1, output: 1, seconds });
    const serial = stackWorkload(traffic([[call(10), call(20)], [call(5)]]), sizes);
    expect(serial).toMatchObject({
      turnSeconds: [5, 30],
      turnSecondsP95: 30,
      fanOut: 1,
      sessionSeconds: 17.5,
    });
    expect(shareLonger(serial, 5)).toBe(0.5);
    expect(shareLonger(serial, 30)).toBe(0);
    const parallel = stackWorkload(traffic([[call(10), call(20), call(1)]], true), sizes);
    expect(parallel).toMatchObject({ turnSeconds: [20], fanOut: 3, callsPerTurnP99: 3 });
  });
});

describe('the load, by hand', () => {
  const load = loadOf();

  test.for([
    { what: 'turns a second burst as calls do: 2 × 10', value: load.turnsPerSecond, is: 20 },
    { what: '120 turns of 256 MiB', value: load.workerMemoryBytes, is: 30 * 1024 ** 3 },
    { what: '40 calls/s of 0.1 s', value: load.workerCores, is: 4 },
    { what: '40 calls/s of 10 ms', value: load.gatewayCores, is: 0.4 },
    { what: '120 turns, 10 per worker', value: load.consumers, is: 12 },
    { what: '10/s for an hour, 100 KiB each', value: load.backlogBytes, is: 10 * 3600 * 102_400 },
    {
      what: '2.5 sessions/s that last 40 s and idle 60 s, 10 kB each',
      value: load.stateBytes,
      is: 250 * 10_000,
    },
    { what: '40 calls/s with a read and two writes', value: load.stateOpsPerSecond, is: 120 },
    { what: '40 calls/s, one read of 2 units', value: load.stateReadUnitsPerSecond, is: 80 },
    { what: '40 calls/s, two writes of 5 units', value: load.stateWriteUnitsPerSecond, is: 400 },
    { what: '100 KiB are two chunks of 64 KiB', value: load.month.messageChunks, is: 7_200_000 },
    { what: '3.6M turns of 10 s with 0.25 GiB', value: load.month.turnGibSeconds, is: 9_000_000 },
    { what: '7.2M calls of 0.1 s', value: load.month.instanceCpuSeconds, is: 720_000 },
    { what: '7.2M calls, a read of 2 units', value: load.month.stateReadUnits, is: 14_400_000 },
    {
      what: '7.2M calls, two writes of 5 units',
      value: load.month.stateWriteUnits,
      is: 72_000_000,
    },
    { what: '7.2M calls of 13 kB to the internet', value: load.month.egressGb, is: 93.6 },
    {
      what: '7.2M calls, three operations of 5 kB, half across zones',
      value: load.month.crossZoneGb,
      is: 54,
    },
    { what: '7.2M calls of 1 kB of logs', value: load.month.logGb, is: 7.2 },
    {
      what: '3.6M turns, two objects of 1,000 bytes',
      value: load.month.coldWriteUnits,
      is: 7_200_000,
    },
    {
      what: 'an hour of turns kept at the month’s mean rate',
      value: load.month.coldGb,
      is: ((3_600_000 / 730) * 2000) / 1e9,
    },
  ])('$what', ({ value, is }) => {
    expect(value).toBeCloseTo(is, 6);
  });

  test('no vectors: nothing is known of them', () => {
    expect(load.vectorBytes).toBeNull();
    expect(load.month.vectorGb).toBeNull();
  });

  test('vectors', () => {
    const vectorStore = {
      vectors: 1e6,
      dimensions: 1000,
      queriesPerTurn: 2,
      writesPerMonth: 1000,
      namespaces: 8,
      growsWithScale: true,
    };
    const grown = loadOf(2, { vectorStore });
    // 2M × 1,000 × 4 bytes; half as much again in memory; 1 GB per namespace and query.
    expect(grown).toMatchObject({
      vectors: 2e6,
      vectorBytes: 8e9,
      vectorMemoryBytes: 12e9,
      vectorQueriesPerSecond: 80,
      vectorReadUnitsPerSecond: 80,
    });
    expect(grown.month).toMatchObject({
      vectorGb: 8,
      vectorMillionDimensions: 2000,
      vectorReadUnits: 14_400_000,
      vectorWriteUnits: 2000 * 5,
    });
    const kept = loadOf(2, { vectorStore: { ...vectorStore, growsWithScale: false } });
    expect(kept.vectorBytes).toBe(4e9);
    // Half a GB per namespace; a query reads at least a quarter unit.
    expect(kept.vectorReadUnitsPerSecond).toBe(40);
    expect(
      loadOf(1, { vectorStore: { ...vectorStore, vectors: 10 } }).vectorReadUnitsPerSecond,
    ).toBe(10);
  });

  test('users that are there keep their sessions', () => {
    const many = stackLoad(trafficOf(1, { concurrentUsers: 1000 }), workloadOf(), sizesOf());
    expect(many.stateBytes).toBe(1000 * 10_000);
  });

  test('an instance is billed while anything is in it', () => {
    // One turn of 1 s every 100 s for 100 hours: busy 0.995 % of the time, longer than its CPU time.
    const rare = trafficOf(1, {
      turnsPerMonth: 3600,
      callsPerMonth: 7200,
      turnsPerSecond: 0.01,
      turnSeconds: 1,
      callsPerSecond: 1,
    });
    const cheap = sizesOf({ compute: { ...sizesOf().compute, cpuSecondsPerCall: 0.001 } });
    const { month } = stackLoad(rare, workloadOf(), cheap);
    expect(month.instanceCpuSeconds).toBeCloseTo(360_000 * (1 - Math.exp(-0.01)), 6);
  });
});
