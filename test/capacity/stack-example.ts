import { stackLoad } from '../../src/capacity/stack-activity.ts';
import type { StackTraffic } from '../../src/capacity/stack-activity.ts';
import type { StackLoad } from '../../src/capacity/stack-load.ts';
import type { SizingRules, StackOption } from '../../src/capacity/stack-option.ts';
import type { StackSizes } from '../../src/capacity/stack-sizes.ts';
import type { StackWorkload } from '../../src/capacity/stack-workload.ts';

/** Stacks built by hand for the tests: round numbers, so that costs can be checked on paper. */

export function optionOf(option: Partial<StackOption> = {}): StackOption {
  return {
    name: 'one',
    title: 'One',
    family: option.name ?? 'one',
    components: ['queue'],
    cloud: 'any',
    operations: 'serverless',
    skills: [],
    features: [],
    limits: [],
    nodes: [],
    prices: [],
    typicalMs: null,
    assumed: [],
    ...option,
  };
}

/** No hours, so that costs are rent alone; full use of nodes. */
export function rulesOf(rules: Partial<SizingRules> = {}): SizingRules {
  const none = { base: 0, perNode: 0, onCall: 0 };
  return {
    utilisation: 1,
    hours: { serverless: none, managed: none, 'self-run': none, 'self-run-data': none },
    hourlyUsd: 100,
    skills: undefined,
    knownSkillFactor: 1,
    unknownSkillFactor: 1,
    ...rules,
  };
}

const MIB = 1024 ** 2;

export function sizesOf(sizes: Partial<StackSizes> = {}): StackSizes {
  return {
    utilisation: 1,
    compute: {
      turnMemoryBytes: 256 * MIB,
      cpuSecondsPerCall: 0.1,
      turnsPerWorker: 10,
      requestBytes: 1024,
    },
    gateway: { cpuSecondsPerCall: 0.01 },
    queue: { messagesPerTurn: 1, messageBytes: 100 * 1024, retentionSeconds: 3600 },
    hotState: { idleSeconds: 60, readsPerCall: 1, writesPerCall: 2 },
    coldState: { bytesPerTurn: 2000, writesPerTurn: 2, readsPerTurn: 0.5, retentionSeconds: 3600 },
    vectorStore: null,
    network: { crossZoneShare: 0.5 },
    observability: { logBytesPerCall: 1000, logEventsPerCall: 2 },
    ...sizes,
  };
}

export function workloadOf(workload: Partial<StackWorkload> = {}): StackWorkload {
  return {
    turnSecondsP95: 20,
    turnSeconds: [5, 10, 20],
    callsPerTurnP99: 4,
    fanOut: 1,
    sessionSeconds: 40,
    state: {
      finalBytes: 10_000,
      finalBytesP99: 20_000,
      bytesPerStep: 4000,
      readUnits: 2,
      writeUnits: 5,
      operationBytes: 5000,
    },
    promptBytes: 12_000,
    answerBytes: 1000,
    ...workload,
  };
}

/** 10 turns a second for 100 hours a month, 2 calls each, 10 s long; calls burst to twice the mean. */
export function trafficOf(scale = 1, traffic: Partial<StackTraffic> = {}): StackTraffic {
  return {
    turnsPerMonth: 3_600_000 * scale,
    callsPerMonth: 7_200_000 * scale,
    turnsPerSecond: 10 * scale,
    turnsPerSession: 4,
    turnSeconds: 10,
    concurrentTurns: 120 * scale,
    concurrentCalls: 80 * scale,
    callsPerSecond: 40 * scale,
    callsPerTurn: 2,
    concurrentUsers: null,
    scale,
    ...traffic,
  };
}

export function loadOf(scale = 1, sizes: Partial<StackSizes> = {}): StackLoad {
  return stackLoad(trafficOf(scale), workloadOf(), sizesOf(sizes));
}
