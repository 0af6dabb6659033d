import type { OperationsClass, OperationsHours } from '../capacity/stack-option.ts';

/** What a plan's stack takes when it does not say; each default that is used is listed. */

/**
 * Engineers' hours a month by kind of operation, for a team that has done it before. Ours: planned
 * work (upgrades, backups tried, capacity), work per node, and nights with their follow-up. No
 * public table gives them; `stack.operations` replaces them.
 */
export const OPERATIONS_HOURS: Readonly<Record<OperationsClass, OperationsHours>> = {
  serverless: { base: 1, perNode: 0, onCall: 0.5 },
  managed: { base: 3, perNode: 0.1, onCall: 1 },
  'self-run': { base: 8, perNode: 0.25, onCall: 3 },
  'self-run-data': { base: 16, perNode: 1, onCall: 6 },
};

/** Hours of what the team knows, and of what it must learn, over those of the table above. */
export const KNOWN_SKILL_FACTOR = 0.7;
export const UNKNOWN_SKILL_FACTOR = 1.5;

/** An engineer's hour with overheads. */
export const HOURLY_USD = 90;

/** Share of a node to plan with: one of three zones may fail, and peaks are short. */
export const UTILISATION = 0.7;

export const CLOUD = 'aws';

const KIB = 1024;
const MIB = 1024 ** 2;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export const COMPUTE_DEFAULTS = {
  turnMemoryBytes: 64 * MIB,
  cpuSecondsPerCall: 0.02,
  turnsPerWorker: 25,
  requestBytes: 16 * KIB,
};

/**
 * CPU of our gateway with every feature on, in seconds: bench/gateway.mjs --quick on Node 20.20 and
 * 2 shared vCPU, 2026-11-21, gave 352 µs for a whole reply and 817 µs for a stream of 60 frames.
 */
export const GATEWAY_CPU = { perCall: 352e-6, perFrame: (817e-6 - 352e-6) / 60 };
/** Frames of a streamed answer when its length is not known; otherwise one per token. */
export const FRAMES_PER_ANSWER = 300;

export const QUEUE_DEFAULTS = {
  messagesPerTurn: 1,
  messageBytes: 8 * KIB,
  retentionSeconds: 4 * HOUR,
};

export const HOT_STATE_DEFAULTS = {
  baseBytes: 2 * KIB,
  bytesPerToken: 4,
  idleSeconds: 30 * MINUTE,
  readsPerCall: 1,
  writesPerCall: 1,
};

export const COLD_STATE_DEFAULTS = {
  bytesPerTurn: 16 * KIB,
  writesPerTurn: 1,
  readsPerTurn: 0.1,
  retentionSeconds: 90 * DAY,
};

export const VECTOR_DEFAULTS = {
  /** Share of the vectors written anew in a month. */
  rewrittenPerMonth: 0.1,
  queriesPerTurn: 1,
  namespaces: 1,
};

export const NETWORK_DEFAULTS = { crossZoneShare: 0.5 };

export const OBSERVABILITY_DEFAULTS = { logBytesPerCall: 4 * KIB, logEventsPerCall: 3 };

/** Milliseconds. */
export const LATENCY_DEFAULTS = {
  regionRtt: 60,
  newConnections: 0.1,
  providerRtt: 20,
};
