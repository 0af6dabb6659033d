import { SECONDS_PER_MONTH } from './stack-sizes.ts';
import type { StackSizes } from './stack-sizes.ts';
import type { LoadName, MeterName, StackLoad } from './stack-load.ts';
import type { StackWorkload } from './stack-workload.ts';

/** Traffic at one scale, as the plan's volume and simulation give it. */
export interface StackTraffic {
  readonly turnsPerMonth: number;
  readonly callsPerMonth: number;
  /** Mean of the busy period. */
  readonly turnsPerSecond: number;
  readonly turnsPerSession: number;
  readonly turnSeconds: number;
  /** Level that turns in flight exceed 1 % of the time in the busy period. */
  readonly concurrentTurns: number;
  /** Busiest moment of the simulated hour. */
  readonly concurrentCalls: number;
  /** Busiest second of the simulated hour. */
  readonly callsPerSecond: number;
  readonly callsPerTurn: number;
  readonly concurrentUsers: number | null;
  readonly scale: number;
}

const GB = 1e9;
const GIB = 1024 ** 3;
const MILLION = 1e6;
const CHUNK_BYTES = 64 * 1024;
const FLOAT_BYTES = 4;

/** Everything a component may be sized by or billed for, at one scale. */
export function stackLoad(
  traffic: StackTraffic,
  workload: StackWorkload,
  sizes: StackSizes,
): StackLoad {
  const month = {
    ...workMeters(traffic, sizes),
    ...queueMeters(traffic, sizes),
    ...stateMeters(traffic, workload, sizes),
    ...vectorMeters(traffic, sizes),
    ...edgeMeters(traffic, workload, sizes),
  } satisfies Record<MeterName, number | null>;
  return {
    ...workLoads(traffic, workload, sizes),
    ...queueLoads(traffic, sizes),
    ...stateLoads(traffic, workload, sizes),
    ...vectorLoads(traffic, sizes),
    month,
  };
}

type Loads<N extends LoadName> = Record<N, number | null>;
type Meters<N extends MeterName> = Record<N, number | null>;

/** Busiest second over the mean one, from the LLM calls; turns and messages burst with them. */
function burst(traffic: StackTraffic): number {
  const mean = traffic.turnsPerSecond * traffic.callsPerTurn;
  return mean === 0 ? 1 : Math.max(1, traffic.callsPerSecond / mean);
}

function workLoads(traffic: StackTraffic, workload: StackWorkload, sizes: StackSizes) {
  const { compute, gateway } = sizes;
  const memory = traffic.concurrentTurns * compute.turnMemoryBytes;
  return {
    turnSecondsP95: workload.turnSecondsP95,
    concurrentTurns: traffic.concurrentTurns,
    turnsPerSecond: traffic.turnsPerSecond * burst(traffic),
    callsPerTurnP99: workload.callsPerTurnP99,
    fanOut: workload.fanOut,
    requestBytes: compute.requestBytes,
    turnMemoryBytes: compute.turnMemoryBytes,
    turnCpuSeconds: workload.callsPerTurnP99 * compute.cpuSecondsPerCall,
    workerMemoryBytes: memory,
    workerCores: traffic.callsPerSecond * compute.cpuSecondsPerCall,
    gatewayCores: traffic.callsPerSecond * gateway.cpuSecondsPerCall,
    gatewayStreams: traffic.concurrentCalls,
    hosts: hostCount(traffic, sizes),
  } satisfies Partial<Loads<LoadName>>;
}

/** Memory of the host that monitoring counts: 2 vCPU and 8 GiB. */
const HOST_BYTES = 8 * GIB;
/** One in each of two zones. */
const LEAST_HOSTS = 2;

/** Hosts to watch, whatever platform runs the workers: the bill must not depend on that choice. */
function hostCount(traffic: StackTraffic, { compute, utilisation }: StackSizes): number {
  const memory = traffic.concurrentTurns * compute.turnMemoryBytes;
  return Math.max(LEAST_HOSTS, Math.ceil(memory / (HOST_BYTES * utilisation)));
}

function workMeters(traffic: StackTraffic, sizes: StackSizes) {
  const { compute, utilisation } = sizes;
  const turnSeconds = traffic.turnsPerMonth * traffic.turnSeconds;
  const gib = compute.turnMemoryBytes / GIB;
  const cpuSeconds = traffic.callsPerMonth * compute.cpuSecondsPerCall;
  // An instance is billed while any turn is in it, however few they are.
  const busySeconds =
    activeSeconds(traffic) * -Math.expm1(-traffic.turnsPerSecond * traffic.turnSeconds);
  return {
    turns: traffic.turnsPerMonth,
    calls: traffic.callsPerMonth,
    turnGibSeconds: turnSeconds * Math.max(gib, LEAST_FUNCTION_GIB),
    instanceGibSeconds: Math.max((turnSeconds * gib) / utilisation, busySeconds * gib),
    instanceCpuSeconds: Math.max(cpuSeconds / utilisation, busySeconds),
    cpuMilliseconds: cpuSeconds * 1000,
    hosts: hostCount(traffic, sizes),
  } satisfies Partial<Meters<MeterName>>;
}

/** The least memory of a function that serves one turn at a time: 128 MiB (AWS Lambda). */
const LEAST_FUNCTION_GIB = 1 / 8;

/** Seconds of a month at the busy period's rate that give the month's turns. */
function activeSeconds({ turnsPerMonth, turnsPerSecond }: StackTraffic): number {
  return turnsPerSecond === 0 ? 0 : turnsPerMonth / turnsPerSecond;
}

function queueLoads(traffic: StackTraffic, { compute, queue }: StackSizes) {
  const perSecond = traffic.turnsPerSecond * queue.messagesPerTurn;
  return {
    messagesPerSecond: perSecond * burst(traffic),
    messageBytes: queue.messageBytes,
    messageBytesPerSecond: perSecond * burst(traffic) * queue.messageBytes,
    retentionSeconds: queue.retentionSeconds,
    backlogBytes: perSecond * queue.retentionSeconds * queue.messageBytes,
    consumers: Math.max(1, Math.ceil(traffic.concurrentTurns / compute.turnsPerWorker)),
  } satisfies Partial<Loads<LoadName>>;
}

function queueMeters(traffic: StackTraffic, { queue }: StackSizes) {
  const messages = traffic.turnsPerMonth * queue.messagesPerTurn;
  const perSecond = traffic.turnsPerSecond * queue.messagesPerTurn;
  return {
    messages,
    messageChunks: messages * Math.max(1, Math.ceil(queue.messageBytes / CHUNK_BYTES)),
    messageGib: (messages * queue.messageBytes) / GIB,
    backlogGb: (perSecond * queue.retentionSeconds * queue.messageBytes) / GB,
  } satisfies Partial<Meters<MeterName>>;
}

/** Sessions whose state is kept: those under way and those idle for less than the time to live. */
function activeSessions(traffic: StackTraffic, workload: StackWorkload, sizes: StackSizes): number {
  const perSecond = traffic.turnsPerSecond / traffic.turnsPerSession;
  const mean = perSecond * (workload.sessionSeconds + sizes.hotState.idleSeconds);
  return Math.max(mean, traffic.concurrentUsers ?? 0);
}

function stateLoads(traffic: StackTraffic, workload: StackWorkload, sizes: StackSizes) {
  const { hotState, coldState } = sizes;
  const { state } = workload;
  const operations = hotState.readsPerCall + hotState.writesPerCall;
  const kept = activeSessions(traffic, workload, sizes);
  return {
    sessionBytesP99: state?.finalBytesP99 ?? null,
    stateBytes: state === null ? null : kept * state.finalBytes,
    stateOpsPerSecond: traffic.callsPerSecond * operations,
    stateReadUnitsPerSecond:
      state === null ? null : traffic.callsPerSecond * hotState.readsPerCall * state.readUnits,
    stateWriteUnitsPerSecond:
      state === null ? null : traffic.callsPerSecond * hotState.writesPerCall * state.writeUnits,
    coldBytes: coldBytes(traffic, sizes),
    coldWritesPerSecond: traffic.turnsPerSecond * burst(traffic) * coldState.writesPerTurn,
  } satisfies Partial<Loads<LoadName>>;
}

/** What is kept when as much is deleted as is written: a month's turns, times the months. */
function coldBytes(traffic: StackTraffic, { coldState }: StackSizes): number {
  const perSecond = traffic.turnsPerMonth / SECONDS_PER_MONTH;
  return perSecond * coldState.retentionSeconds * coldState.bytesPerTurn;
}

function stateMeters(traffic: StackTraffic, workload: StackWorkload, sizes: StackSizes) {
  const { hotState, coldState } = sizes;
  const { state } = workload;
  const kept = activeSessions(traffic, workload, sizes);
  const writes = traffic.turnsPerMonth * coldState.writesPerTurn;
  const bytesPerWrite = coldState.bytesPerTurn / coldState.writesPerTurn;
  return {
    stateReadUnits:
      state === null ? null : traffic.callsPerMonth * hotState.readsPerCall * state.readUnits,
    stateWriteUnits:
      state === null ? null : traffic.callsPerMonth * hotState.writesPerCall * state.writeUnits,
    stateGb: state === null ? null : (kept * state.finalBytes) / GB,
    coldGb: coldBytes(traffic, sizes) / GB,
    coldWrites: writes,
    coldWriteUnits: writes * Math.max(1, Math.ceil(bytesPerWrite / 1024)),
    coldReads: traffic.turnsPerMonth * coldState.readsPerTurn,
  } satisfies Partial<Meters<MeterName>>;
}

/** Qdrant's rule for vectors held in memory: half as much again for index and segments. */
const INDEX_FACTOR = 1.5;

function vectorBytes(traffic: StackTraffic, { vectorStore }: StackSizes): number | null {
  if (vectorStore === null) return null;
  const { dimensions } = vectorStore;
  return vectorCount(traffic, vectorStore) * dimensions * FLOAT_BYTES;
}

type VectorSizes = NonNullable<StackSizes['vectorStore']>;

function vectorCount(traffic: StackTraffic, sizes: VectorSizes): number {
  return sizes.vectors * (sizes.growsWithScale ? traffic.scale : 1);
}

/** Pinecone's rule: a query reads one unit per GB of its namespace, at least a quarter. */
const LEAST_READ_UNITS = 0.25;
/** Pinecone's rule: a write of one record is billed by KB, at least five. */
const LEAST_WRITE_UNITS = 5;

function vectorLoads(traffic: StackTraffic, sizes: StackSizes) {
  const { vectorStore } = sizes;
  const bytes = vectorBytes(traffic, sizes);
  const queries =
    vectorStore === null
      ? null
      : traffic.turnsPerSecond * burst(traffic) * vectorStore.queriesPerTurn;
  return {
    vectors: vectorStore === null ? null : vectorCount(traffic, vectorStore),
    dimensions: vectorStore?.dimensions ?? null,
    vectorQueriesPerSecond: queries,
    vectorReadUnitsPerSecond:
      queries === null ? null : queries * unitsPerQuery(bytes!, vectorStore!),
    vectorBytes: bytes,
    vectorMemoryBytes: bytes === null ? null : bytes * INDEX_FACTOR,
  } satisfies Partial<Loads<LoadName>>;
}

function unitsPerQuery(bytes: number, sizes: VectorSizes): number {
  return Math.max(LEAST_READ_UNITS, bytes / GB / sizes.namespaces);
}

function vectorMeters(traffic: StackTraffic, sizes: StackSizes) {
  const { vectorStore } = sizes;
  const bytes = vectorBytes(traffic, sizes);
  if (vectorStore === null || bytes === null) {
    return {
      vectorGb: null,
      vectorMillionDimensions: null,
      vectorReadUnits: null,
      vectorWriteUnits: null,
    } satisfies Partial<Meters<MeterName>>;
  }
  const kib = Math.ceil((vectorStore.dimensions * FLOAT_BYTES) / 1024);
  return {
    vectorGb: bytes / GB,
    vectorMillionDimensions: (vectorCount(traffic, vectorStore) * vectorStore.dimensions) / MILLION,
    vectorReadUnits:
      traffic.turnsPerMonth * vectorStore.queriesPerTurn * unitsPerQuery(bytes, vectorStore),
    vectorWriteUnits:
      vectorStore.writesPerMonth *
      (vectorStore.growsWithScale ? traffic.scale : 1) *
      Math.max(LEAST_WRITE_UNITS, kib),
  } satisfies Partial<Meters<MeterName>>;
}

/** One capacity unit of AWS's load balancer: 25 new connections a second, 3,000 open, 1 GB an hour. */
const UNIT_CONNECTIONS_PER_SECOND = 25;
const UNIT_OPEN = 3000;
const UNIT_GB_PER_HOUR = 1;
const HOURS = 3600;

function edgeMeters(traffic: StackTraffic, workload: StackWorkload, sizes: StackSizes) {
  const { promptBytes, answerBytes, state } = workload;
  const calls = traffic.callsPerMonth;
  const known = promptBytes !== null && answerBytes !== null;
  // Prompts go out to the provider, answers come in from it and go out to the user: the same bytes
  // leave for the internet and pass the address translation.
  const egress = known ? (calls * (promptBytes + answerBytes)) / GB : null;
  const { hotState, network, observability } = sizes;
  const stateBytes =
    state === null
      ? null
      : calls * (hotState.readsPerCall + hotState.writesPerCall) * state.operationBytes;
  const active = activeSeconds(traffic);
  const answersGbPerHour =
    answerBytes === null
      ? 0
      : (traffic.turnsPerSecond * traffic.callsPerTurn * answerBytes * HOURS) / GB;
  const units = Math.max(
    traffic.turnsPerSecond / UNIT_CONNECTIONS_PER_SECOND,
    (traffic.turnsPerSecond * traffic.turnSeconds) / UNIT_OPEN,
    answersGbPerHour / UNIT_GB_PER_HOUR,
  );
  return {
    egressGb: egress,
    natGb: egress,
    crossZoneGb: stateBytes === null ? null : (stateBytes * network.crossZoneShare) / GB,
    balancerUnitHours: (units * active) / HOURS,
    logGb: (calls * observability.logBytesPerCall) / GB,
    logEvents: calls * observability.logEventsPerCall,
  } satisfies Partial<Meters<MeterName>>;
}
