import { formatBytes, formatCount, formatDuration, MS_PER_SECOND, round } from '../core/units.ts';

/**
 * What the components of the stack must carry at one scale: the vocabulary in which options state
 * their limits, the capacity of a node, and what they bill.
 */

export const COMPONENTS = [
  'compute',
  'gateway',
  'queue',
  'hotState',
  'coldState',
  'vectorStore',
  'network',
  'observability',
] as const;

export type Component = (typeof COMPONENTS)[number];

export const COMPONENT_TITLES: Readonly<Record<Component, string>> = {
  compute: 'compute of the workers',
  gateway: 'gateway',
  queue: 'queue',
  hotState: 'hot state',
  coldState: 'cold state',
  vectorStore: 'vector store',
  network: 'network',
  observability: 'observability',
};

type Kind = 'count' | 'perSecond' | 'seconds' | 'bytes' | 'bytesPerSecond' | 'cores';

interface DimensionText {
  readonly label: string;
  readonly kind: Kind;
}

/** Sizes of the busiest moments; limits and node capacities are stated in these. */
export const LOADS = {
  turnSecondsP95: { label: 'turn p95', kind: 'seconds' },
  concurrentTurns: { label: 'turns in flight', kind: 'count' },
  turnsPerSecond: { label: 'turns per second', kind: 'perSecond' },
  callsPerTurnP99: { label: 'p99 of LLM calls per turn', kind: 'count' },
  fanOut: { label: 'LLM calls at once in a turn', kind: 'count' },
  requestBytes: { label: 'request', kind: 'bytes' },
  turnMemoryBytes: { label: 'memory of a turn', kind: 'bytes' },
  turnCpuSeconds: { label: 'CPU time of a turn', kind: 'seconds' },
  workerMemoryBytes: { label: 'memory of all turns in flight', kind: 'bytes' },
  workerCores: { label: 'worker CPU', kind: 'cores' },
  gatewayCores: { label: 'gateway CPU', kind: 'cores' },
  gatewayStreams: { label: 'LLM calls in flight', kind: 'count' },
  messagesPerSecond: { label: 'messages per second', kind: 'perSecond' },
  messageBytes: { label: 'message', kind: 'bytes' },
  messageBytesPerSecond: { label: 'message throughput', kind: 'bytesPerSecond' },
  retentionSeconds: { label: 'retention', kind: 'seconds' },
  backlogBytes: { label: 'retained messages', kind: 'bytes' },
  consumers: { label: 'consumers', kind: 'count' },
  sessionBytesP99: { label: 'p99 of session state', kind: 'bytes' },
  stateBytes: { label: 'hot state', kind: 'bytes' },
  stateOpsPerSecond: { label: 'state operations per second', kind: 'perSecond' },
  stateReadUnitsPerSecond: { label: 'state reads of 4 KiB per second', kind: 'perSecond' },
  stateWriteUnitsPerSecond: { label: 'state writes of 1 KiB per second', kind: 'perSecond' },
  coldBytes: { label: 'cold state', kind: 'bytes' },
  coldWritesPerSecond: { label: 'cold writes per second', kind: 'perSecond' },
  vectors: { label: 'vectors', kind: 'count' },
  dimensions: { label: 'dimensions of a vector', kind: 'count' },
  vectorQueriesPerSecond: { label: 'vector queries per second', kind: 'perSecond' },
  vectorReadUnitsPerSecond: { label: 'vector read units per second', kind: 'perSecond' },
  vectorBytes: { label: 'vectors', kind: 'bytes' },
  vectorMemoryBytes: { label: 'vectors and their index in memory', kind: 'bytes' },
  hosts: { label: 'hosts', kind: 'count' },
} as const satisfies Record<string, DimensionText>;

export type LoadName = keyof typeof LOADS;
export const LOAD_NAMES = Object.keys(LOADS) as [LoadName, ...LoadName[]];

/** What a month uses; usage prices are stated in these. */
const METERS = {
  turns: 'turns',
  calls: 'LLM calls',
  turnGibSeconds: 'GiB-seconds of turns, one turn per instance',
  instanceGibSeconds: 'GiB-seconds of instances that share their turns',
  instanceCpuSeconds: 'vCPU-seconds of instances that share their turns',
  cpuMilliseconds: 'CPU milliseconds of workers',
  messages: 'messages',
  messageChunks: 'chunks of 64 KiB of messages',
  messageGib: 'GiB of messages',
  backlogGb: 'GB of retained messages, stored all month',
  stateReadUnits: 'state reads in units of 4 KiB',
  stateWriteUnits: 'state writes in units of 1 KiB',
  stateGb: 'GB of hot state, stored all month',
  coldGb: 'GB of cold state, stored all month',
  coldWrites: 'cold writes',
  coldWriteUnits: 'cold writes in units of 1 KiB',
  coldReads: 'cold reads',
  vectorGb: 'GB of vectors, stored all month',
  vectorMillionDimensions: 'millions of vector dimensions, stored all month',
  vectorReadUnits: 'vector read units: 1 per GB of namespace and query, at least 0.25',
  vectorWriteUnits: 'vector write units of 1 KiB, at least 5 per write',
  egressGb: 'GB to the internet',
  natGb: 'GB through address translation, both ways',
  crossZoneGb: 'GB between zones',
  balancerUnitHours: 'load balancer capacity unit-hours',
  logGb: 'GB of logs',
  logEvents: 'log events',
  hosts: 'hosts',
} as const satisfies Record<string, string>;

export type MeterName = keyof typeof METERS;
export const METER_NAMES = Object.keys(METERS) as [MeterName, ...MeterName[]];

/** Null is unknown: what needs it is unknown too, never 0. */
export type StackLoad = Readonly<Record<LoadName, number | null>> & {
  readonly month: Readonly<Record<MeterName, number | null>>;
};

/** A load with its unit, for people. */
export function formatLoad(name: LoadName, value: number): string {
  switch (LOADS[name].kind) {
    case 'count':
      return formatCount(value);
    case 'perSecond':
      return formatCount(value);
    case 'seconds':
      return formatSeconds(value);
    case 'bytes':
      return formatBinary(value);
    case 'bytesPerSecond':
      return `${formatBytes(value)}/s`;
    case 'cores':
      return `${round(value, 2)} cores`;
  }
}

const SECONDS_PER_HOUR = 3600;
const SECONDS_PER_DAY = 86_400;

/** Whole hours and days read better than "90 d" for long limits: 12 h, 14 d, 18 min 0 s. */
function formatSeconds(seconds: number): string {
  if (seconds >= SECONDS_PER_DAY && seconds % SECONDS_PER_DAY === 0) {
    return `${seconds / SECONDS_PER_DAY} d`;
  }
  if (seconds >= SECONDS_PER_HOUR && seconds % SECONDS_PER_HOUR === 0) {
    return `${seconds / SECONDS_PER_HOUR} h`;
  }
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return formatDuration(seconds * MS_PER_SECOND);
}

const KIB = 1024;

/** Limits of messages and items are published in binary units: 1 MiB, 400 KiB. */
function formatBinary(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  let value = bytes;
  let index = 0;
  while (value >= KIB && index < units.length - 1) {
    value /= KIB;
    index += 1;
  }
  return `${round(value, value < 100 ? 2 : 0)} ${units[index]}`;
}
