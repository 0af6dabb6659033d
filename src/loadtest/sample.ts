import type { Scenario, Threshold } from '../config/scenario.ts';
import type { HostFacts } from '../system.ts';

/**
 * Samples: what a run leaves behind, one JSON object per line of samples.jsonl, appended as things
 * happen. Every figure of a report is a fold over these lines. No content: sizes, times, codes.
 * Times are milliseconds from the start of the run, rounded to a microsecond; a time that did not
 * happen is absent. Readers skip types they do not know.
 */
export type Sample =
  | RunSample
  | ArrivalSample
  | AttemptSample
  | TurnSample
  | SessionSample
  | HealthSample
  | EndSample;

/** First line: all a report needs to know about the run. */
export interface RunSample {
  readonly type: 'run';
  readonly schema: 'agent-infra/loadtest-samples';
  readonly schemaVersion: '1.0';
  readonly tool: { readonly name: string; readonly version: string };
  readonly engine: 'builtin' | 'k6';
  /** How the engine times a stream, when it cannot see single tokens. */
  readonly timingNotes?: readonly string[] | undefined;
  readonly scenario: string;
  readonly startedAt: string;
  readonly seed: string | number;
  readonly configHash: string;
  /** What is sent, whatever the target; absent in older samples. */
  readonly workloadHash?: string | undefined;
  readonly host: HostFacts;
  readonly target: {
    /** Origin and path only. */
    readonly url: string;
    readonly dialect: Scenario['target']['dialect'];
    readonly model: string;
  };
  /** The load in words, and the caps that changed the sessions. */
  readonly load: readonly string[];
  readonly warmUpMs: number;
  /** Open loop: sessions start by the clock. Then a drop means the load was not the one asked for. */
  readonly openLoop: boolean;
  readonly thresholds: readonly Threshold[];
}

/** A session's turn has come: it starts, or it is dropped. */
interface ArrivalSample {
  readonly type: 'arrival';
  readonly session: number;
  readonly intended: number;
  readonly at: number;
  readonly turns: number;
  readonly calls: number;
  /** Why it never started. */
  readonly dropped?: 'max-sessions' | 'late' | undefined;
}

/** One HTTP try of a call; the last one carries the call's outcome. */
export interface AttemptSample {
  readonly type: 'attempt';
  readonly session: number;
  readonly turn: number;
  /** Step id within the turn. */
  readonly call: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** True when no retry follows. */
  readonly last: boolean;
  readonly outcome: Outcome;
  readonly model: string;
  /** When the call was meant to start: its dependencies' ends as planned, never this client's delay. */
  readonly intended: number;
  /** The client got to it. */
  readonly ready: number;
  /** The serialised request was handed to the HTTP client: what "from send" counts from. */
  readonly sent?: number | undefined;
  /** A connected socket took it. */
  readonly socket?: number | undefined;
  readonly headers?: number | undefined;
  readonly firstByte?: number | undefined;
  readonly firstRole?: number | undefined;
  /** Any non-empty content, reasoning, tool-call or refusal delta. */
  readonly firstToken?: number | undefined;
  /** The same without reasoning and tool calls. */
  readonly firstVisible?: number | undefined;
  readonly firstTool?: number | undefined;
  readonly lastToken?: number | undefined;
  /** The terminal event. */
  readonly done?: number | undefined;
  readonly end: number;
  readonly status?: number | undefined;
  /** A code, never a message: `http-429`, `timeout`, `ECONNRESET`, `stream-error`, `truncated`. */
  readonly error?: string | undefined;
  /** The wait before the next attempt. */
  readonly backoff?: number | undefined;
  readonly input?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly output?: number | undefined;
  readonly reasoning?: number | undefined;
  /** Chunks that carried tokens. */
  readonly chunks?: number | undefined;
  /** Gaps between them, as pairs of bucket and count (see loadtest/gaps.ts). */
  readonly gaps?: readonly number[] | undefined;
  readonly stall?: number | undefined;
}

/** `cut`: the run ended first. */
type Outcome = 'ok' | 'failed' | 'truncated' | 'cut';

export interface TurnSample {
  readonly type: 'turn';
  readonly session: number;
  readonly turn: number;
  readonly outcome: 'ok' | 'failed' | 'cut';
  readonly intended: number;
  readonly start: number;
  /** First request of the turn sent. */
  readonly sent?: number | undefined;
  readonly end: number;
}

export interface SessionSample {
  readonly type: 'session';
  readonly session: number;
  readonly outcome: 'ok' | 'failed' | 'cut';
  readonly intended: number;
  readonly start: number;
  readonly end: number;
}

/** The generator's own condition over the last interval. */
export interface HealthSample {
  readonly type: 'health';
  readonly at: number;
  readonly intervalMs: number;
  readonly loopDelayP99: number | null;
  readonly loopDelayMax: number | null;
  /** Milliseconds per second that this thread was runnable and had no CPU; null where unknown. */
  readonly runDelayPerS: number | null;
  /** CPU seconds per second of the whole process. */
  readonly cpu: number | null;
  readonly rssMb: number | null;
  readonly sessionsRunning: number;
  readonly callsRunning: number;
}

export interface EndSample {
  readonly type: 'end';
  readonly at: number;
  /** False when the run was interrupted. */
  readonly complete: boolean;
  readonly stopped?: 'SIGINT' | 'SIGTERM' | 'budget' | undefined;
  /** What an external engine found broken by its own judgement. */
  readonly failures?: readonly string[] | undefined;
}

/** Rounds to a microsecond: what a sample keeps of a time. */
export function sampleTime(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
