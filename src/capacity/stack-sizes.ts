import { HOURS_PER_MONTH } from '../core/units.ts';

export const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;

/** What one turn, call, session or message takes; the plan's values, or defaults that it lists. */
export interface StackSizes {
  /** Share of a node's capacity to plan with. */
  readonly utilisation: number;
  readonly compute: {
    readonly turnMemoryBytes: number;
    readonly cpuSecondsPerCall: number;
    /** Turns that one worker process takes at once. */
    readonly turnsPerWorker: number;
    readonly requestBytes: number;
  };
  readonly gateway: { readonly cpuSecondsPerCall: number };
  readonly queue: {
    readonly messagesPerTurn: number;
    readonly messageBytes: number;
    readonly retentionSeconds: number;
  };
  readonly hotState: {
    /** How long the state of an idle session is kept. */
    readonly idleSeconds: number;
    readonly readsPerCall: number;
    readonly writesPerCall: number;
  };
  readonly coldState: {
    readonly bytesPerTurn: number;
    readonly writesPerTurn: number;
    readonly readsPerTurn: number;
    readonly retentionSeconds: number;
  };
  /** Null: the plan has no vectors. */
  readonly vectorStore: {
    /** At 1x. */
    readonly vectors: number;
    readonly dimensions: number;
    readonly queriesPerTurn: number;
    /** At 1x. */
    readonly writesPerMonth: number;
    readonly namespaces: number;
    readonly growsWithScale: boolean;
  } | null;
  readonly network: {
    /** Of the traffic between workers and hot state. */
    readonly crossZoneShare: number;
  };
  readonly observability: {
    readonly logBytesPerCall: number;
    readonly logEventsPerCall: number;
  };
}
