import type { StackSizes } from '../capacity/stack-sizes.ts';
import type { StateSizes } from '../capacity/stack-workload.ts';
import { trafficMeans } from '../capacity/traffic.ts';
import type { Traffic } from '../capacity/traffic.ts';
import type { StackDocument } from '../config/stack.ts';
import { formatCount, formatDuration, formatShare, MS_PER_SECOND } from '../core/units.ts';
import type { Notes } from './plan-notes.ts';
import {
  COLD_STATE_DEFAULTS,
  COMPUTE_DEFAULTS,
  FRAMES_PER_ANSWER,
  GATEWAY_CPU,
  HOT_STATE_DEFAULTS,
  NETWORK_DEFAULTS,
  OBSERVABILITY_DEFAULTS,
  QUEUE_DEFAULTS,
  UTILISATION,
  VECTOR_DEFAULTS,
} from './stack-defaults.ts';

const KIB = 1024;

/** The sizes of the plan's stack; every default that is taken is listed. */
export function stackSizes(stack: StackDocument, traffic: Traffic, notes: Notes): StackSizes {
  const take = taker(notes);
  const { compute = {}, gateway = {}, queue = {}, network = {}, observability = {} } = stack;
  const state = stack.hotState ?? {};
  const cold = stack.coldState ?? {};
  const isQueued = queue.choose !== 'none';
  return {
    utilisation: take(
      'utilisation',
      stack.utilisation,
      UTILISATION,
      formatShare,
      'of a node’s capacity is planned with',
    ),
    compute: {
      turnMemoryBytes: take(
        'compute.turnMemory',
        compute.turnMemory,
        COMPUTE_DEFAULTS.turnMemoryBytes,
        kib,
        'memory that a turn holds in a worker: measure yours',
      ),
      cpuSecondsPerCall: seconds(
        take(
          'compute.cpuPerCall',
          compute.cpuPerCall,
          COMPUTE_DEFAULTS.cpuSecondsPerCall * MS_PER_SECOND,
          formatDuration,
          'own code of the agent around one LLM call: measure yours',
        ),
      ),
      turnsPerWorker: take(
        'compute.turnsPerWorker',
        compute.turnsPerWorker,
        COMPUTE_DEFAULTS.turnsPerWorker,
        formatCount,
        'turns that one worker process takes at once',
      ),
      requestBytes: take(
        'compute.request',
        compute.request,
        COMPUTE_DEFAULTS.requestBytes,
        kib,
        'what a user sends',
      ),
    },
    gateway: {
      cpuSecondsPerCall: seconds(
        take(
          'gateway.cpuPerCall',
          gateway.cpuPerCall,
          gatewayCpuSeconds(traffic) * MS_PER_SECOND,
          formatDuration,
          'a call streamed token by token through the bundled gateway, as bench/gateway.mjs measures it',
        ),
      ),
    },
    queue: {
      messagesPerTurn: isQueued
        ? take(
            'queue.messagesPerTurn',
            queue.messagesPerTurn,
            QUEUE_DEFAULTS.messagesPerTurn,
            formatCount,
            'a turn is queued once',
          )
        : 0,
      messageBytes: isQueued
        ? take(
            'queue.message',
            queue.message,
            QUEUE_DEFAULTS.messageBytes,
            kib,
            'the user’s message and references, not the context',
          )
        : 0,
      retentionSeconds: isQueued
        ? seconds(
            take(
              'queue.retention',
              queue.retention,
              QUEUE_DEFAULTS.retentionSeconds * MS_PER_SECOND,
              formatDuration,
              'how long messages wait when no worker takes them',
            ),
          )
        : 0,
    },
    hotState: {
      idleSeconds: seconds(
        take(
          'hotState.idle',
          state.idle,
          HOT_STATE_DEFAULTS.idleSeconds * MS_PER_SECOND,
          formatDuration,
          'the state of an idle session stays so long',
        ),
      ),
      readsPerCall: take(
        'hotState.readsPerCall',
        state.readsPerCall,
        HOT_STATE_DEFAULTS.readsPerCall,
        formatCount,
        'the session is read before each LLM call',
      ),
      writesPerCall: take(
        'hotState.writesPerCall',
        state.writesPerCall,
        HOT_STATE_DEFAULTS.writesPerCall,
        formatCount,
        'and written back after it, whole',
      ),
    },
    coldState: {
      bytesPerTurn: take(
        'coldState.bytesPerTurn',
        cold.bytesPerTurn,
        COLD_STATE_DEFAULTS.bytesPerTurn,
        kib,
        'what is kept of a finished turn',
      ),
      writesPerTurn: take(
        'coldState.writesPerTurn',
        cold.writesPerTurn,
        COLD_STATE_DEFAULTS.writesPerTurn,
        formatCount,
        'one object or row per turn',
      ),
      readsPerTurn: take(
        'coldState.readsPerTurn',
        cold.readsPerTurn,
        COLD_STATE_DEFAULTS.readsPerTurn,
        formatCount,
        'one turn in ten resumes an old session',
      ),
      retentionSeconds: seconds(
        take(
          'coldState.retention',
          cold.retention,
          COLD_STATE_DEFAULTS.retentionSeconds * MS_PER_SECOND,
          formatDuration,
          'then it is deleted',
        ),
      ),
    },
    vectorStore: vectorSizes(stack, take),
    network: {
      crossZoneShare: take(
        'network.crossZone',
        network.crossZone,
        NETWORK_DEFAULTS.crossZoneShare,
        formatShare,
        'of the traffic to hot state; two zones, chosen at random',
      ),
    },
    observability: {
      logBytesPerCall: take(
        'observability.logsPerCall',
        observability.logsPerCall,
        OBSERVABILITY_DEFAULTS.logBytesPerCall,
        kib,
        'logs and spans of a call without its content',
      ),
      logEventsPerCall: take(
        'observability.eventsPerCall',
        observability.eventsPerCall,
        OBSERVABILITY_DEFAULTS.logEventsPerCall,
        formatCount,
        'call, tool and access line',
      ),
    },
  };
}

function gatewayCpuSeconds(traffic: Traffic): number {
  const frames = traffic.tokensKnown ? trafficMeans(traffic).tokens.output : FRAMES_PER_ANSWER;
  return GATEWAY_CPU.perCall + GATEWAY_CPU.perFrame * frames;
}

/** How the state of a session grows. */
export function stateSizes(stack: StackDocument, tokensKnown: boolean, notes: Notes): StateSizes {
  const take = taker(notes);
  const state = stack.hotState ?? {};
  if (state.perStep === undefined && tokensKnown) {
    notes.say(
      'stack.hotState.perStep',
      'from the workload',
      'state grows to the longest context of the session',
    );
  }
  return {
    baseBytes: take(
      'hotState.base',
      state.base,
      HOT_STATE_DEFAULTS.baseBytes,
      kib,
      'who, what and where of a session',
    ),
    bytesPerStep: state.perStep,
    bytesPerToken: take(
      'hotState.bytesPerToken',
      state.bytesPerToken,
      HOT_STATE_DEFAULTS.bytesPerToken,
      formatCount,
      'English text; other scripts take more',
    ),
  };
}

type Take = (
  key: string,
  given: number | undefined,
  value: number,
  format: (value: number) => string,
  why: string,
) => number;

function taker(notes: Notes): Take {
  return (key, given, value, format, why) =>
    given ?? notes.take(`stack.${key}`, value, format(value), why);
}

function vectorSizes({ vectorStore }: StackDocument, take: Take): StackSizes['vectorStore'] {
  if (vectorStore === undefined) return null;
  const { vectors, dimensions } = vectorStore;
  return {
    vectors,
    dimensions,
    queriesPerTurn: take(
      'vectorStore.queriesPerTurn',
      vectorStore.queriesPerTurn,
      VECTOR_DEFAULTS.queriesPerTurn,
      formatCount,
      'a turn looks things up once',
    ),
    writesPerMonth: take(
      'vectorStore.writesPerMonth',
      vectorStore.writesPerMonth,
      vectors * VECTOR_DEFAULTS.rewrittenPerMonth,
      formatCount,
      'a tenth of the vectors is written anew',
    ),
    namespaces: take(
      'vectorStore.namespaces',
      vectorStore.namespaces,
      VECTOR_DEFAULTS.namespaces,
      formatCount,
      'every query reads all vectors',
    ),
    growsWithScale:
      vectorStore.growsWithScale ??
      take(
        'vectorStore.growsWithScale',
        undefined,
        1,
        () => 'true',
        'more users bring more documents',
      ) === 1,
  };
}

function seconds(ms: number): number {
  return ms / MS_PER_SECOND;
}

function kib(bytes: number): string {
  return bytes >= KIB * KIB
    ? `${formatCount(bytes / KIB / KIB)} MiB`
    : `${formatCount(bytes / KIB)} KiB`;
}
