import type { TokenRecord } from '../core/tokens.ts';
import type { CallDetails } from '../core/trace.ts';

/**
 * What a span is to a workload. `group`: an agent, workflow, chain or SDK wrapper; `wait`: a human
 * wait inside a tool; `part`: inside of a tool call, already in its time; `none`: anything else.
 */
export type SpanRole =
  | 'llm'
  | 'embedding'
  | 'tool'
  | 'read'
  | 'write'
  | 'group'
  | 'wait'
  | 'part'
  | 'none';

/** One span (or observation, or run) of any tracing system, reduced to numbers and names. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string | undefined;
  readonly name: string;
  readonly role: SpanRole;
  /** NaN when the source gives no time. */
  readonly startMs: number;
  readonly endMs?: number | undefined;
  /** Starts a turn of its own inside its trace. */
  readonly startsTurn?: boolean | undefined;
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  /** Name of the agent this span is, or runs for. */
  readonly agent?: string | undefined;
  /** A `group` that is an agent: LLM calls inside it are not repeats of an LLM call around it. */
  readonly isAgent?: boolean | undefined;
  readonly service?: string | undefined;
  readonly llm?: SpanLlm | undefined;
  readonly error?: string | undefined;
  readonly status?: number | undefined;
  readonly tool?: string | undefined;
  /** Duration the source states itself, instead of end - start. */
  readonly durationMs?: number | undefined;
  readonly argumentsHash?: string | undefined;
  readonly store?: string | undefined;
  /** Characters and records of a state operation. */
  readonly bytes?: number | undefined;
  readonly records?: number | undefined;
  /** The provider's id of an LLM request, by which log records name it too. */
  readonly requestId?: string | undefined;
}

/** The LLM side of a span; on groups it is an aggregate. */
export interface SpanLlm {
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly completion?: boolean | undefined;
  readonly tokens?: TokenRecord | undefined;
  readonly estimated?: boolean | undefined;
  readonly ttftMs?: number | undefined;
  readonly streamed?: boolean | undefined;
  /** Which try this was, counted from 1. */
  readonly attempt?: number | undefined;
  readonly finishReason?: string | undefined;
  readonly details?: CallDetails | undefined;
  /** Never a call of its own, even when no call below explains it: the source sums up on parents. */
  readonly aggregateOnly?: boolean | undefined;
}
