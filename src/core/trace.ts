import type { TokenRecord } from './tokens.ts';

/**
 * The trace model: session › turn › step DAG › attempt. Times are milliseconds since the Unix
 * epoch (fraction kept), NaN where a source has no times at all; `undefined` means the source
 * does not say, never zero. No content: names,
 * lengths and counts only.
 */
export interface Session {
  readonly id: string;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** 'trace': the source names no session, this is one trace standing alone. Default 'reported'. */
  readonly idBasis?: 'reported' | 'trace' | undefined;
  readonly turns: readonly Turn[];
  /**
   * True when times count from the session's own start (WEKA, trajectories with durations only):
   * nothing may then be said about arrivals or concurrency across sessions.
   */
  readonly relativeTime?: boolean | undefined;
  readonly stated?: StatedSizes | undefined;
}

/** Token counts that a source states apart from the usage of calls. */
export interface StatedSizes {
  /** Tool definitions and system prompt, which stand before everything else the main agent sends. */
  readonly toolTokens?: number | undefined;
  readonly systemTokens?: number | undefined;
  /** Its own total of each sub-agent; those without one are left out. */
  readonly subAgentTokens: readonly number[];
}

/** One user interaction: a user message until the agent's final answer. */
export interface Turn {
  readonly startMs: number;
  readonly endMs?: number | undefined;
  /** Duration the source itself reports for the turn, without waits for a human. */
  readonly activeMs?: number | undefined;
  /** Wait of the user before the turn, where the source measures it; else the gap between turns. */
  readonly waitMs?: number | undefined;
  readonly steps: readonly Step[];
}

export type Step = LlmCall | ToolCall | StateOperation;

interface StepBase {
  /** Unique within its turn. */
  readonly id: string;
  /** Steps of the same turn that must be done before this one starts; roots have none. */
  readonly after: readonly string[];
  readonly startMs: number;
  readonly endMs?: number | undefined;
}

export interface LlmCall extends StepBase {
  readonly kind: 'llm';
  /** Model served if known, else requested. */
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly operation?: 'chat' | 'embedding' | 'completion' | undefined;
  readonly tokens: TokenRecord;
  /** Whether the token counts were reported by the source, estimated by us, or are unknown. */
  readonly tokensBasis: 'reported' | 'estimated' | 'missing';
  readonly ttftMs?: number | undefined;
  readonly streamed?: boolean | undefined;
  readonly attempts: readonly Attempt[];
  readonly error?: string | undefined;
  readonly finishReason?: string | undefined;
  /** Agent or sub-agent that made the call, when several share a session. */
  readonly agent?: string | undefined;
  /** Chained prefix-block ids of the prompt and their size, when the trace has them. */
  readonly prefix?: PrefixBlocks | undefined;
  /** What only some sources tell. */
  readonly details?: CallDetails | undefined;
}

/** Facts of a call that few sources have; together in one place, so that most calls carry none. */
export interface CallDetails {
  /** Key, user or tenant that made the call, where no session names one. */
  readonly client?: string | undefined;
  /** Deployment or route that answered. */
  readonly route?: string | undefined;
  /** Wait in the queue before the model began; part of ttftMs. */
  readonly queueMs?: number | undefined;
  /** Cost in US dollars that the source recorded. */
  readonly costUsd?: number | undefined;
  /** Hashes of the tool definitions and of the system prompt. */
  readonly toolsHash?: string | undefined;
  readonly systemHash?: string | undefined;
  /** Why the prompt cache missed, in the provider's own words. */
  readonly missReason?: 'model' | 'tools' | 'system' | 'messages' | undefined;
  /** Hash of the whole prompt, a safe integer: equal for equal prompts of one run. */
  readonly promptHash?: number | undefined;
  /** The newest message of the user, on the first call that was given it. */
  readonly ask?: AskPrint | undefined;
}

/** A user's message as fingerprints, which never leave the process that read it. */
export interface AskPrint {
  /** Hash of its words in lower case. */
  readonly text: number;
  /** The smallest hashes of its word trigrams, ascending; all of them when there are few. */
  readonly shingles: Uint32Array;
  /** Hash of what stands before it in the prompt; undefined when the source does not hold it. */
  readonly before?: number | undefined;
}

export interface PrefixBlocks {
  readonly blockTokens: number;
  readonly ids: readonly (number | string)[];
  /** Where equal ids mean equal prefixes; default: the trace for bare calls, the session for calls in sessions. */
  readonly scope?: 'trace' | 'session' | undefined;
}

/** One HTTP try of a call. A call without known retries has one. */
export interface Attempt {
  readonly startMs: number;
  readonly endMs?: number | undefined;
  readonly status?: number | undefined;
  readonly error?: string | undefined;
}

export interface ToolCall extends StepBase {
  readonly kind: 'tool';
  readonly name: string;
  /** Execution time without human wait; undefined when the source cannot tell. */
  readonly durationMs?: number | undefined;
  /** Approval or other human wait inside the call, where the source reports it; not in durationMs. */
  readonly humanWaitMs?: number | undefined;
  readonly error?: boolean | undefined;
  /** Keyed or plain hash of name and arguments, to find repeated calls; never the arguments. */
  readonly argumentsHash?: string | undefined;
}

export interface StateOperation extends StepBase {
  readonly kind: 'state';
  readonly operation: 'read' | 'write';
  readonly store?: string | undefined;
  /** Size of what was read or written, in characters, where the source holds or tells it. */
  readonly bytes?: number | undefined;
  /** Records, documents or rows read or written. */
  readonly records?: number | undefined;
}

/**
 * A session reduced to what a replay needs: gaps, dependencies and sizes, no content and no wall
 * times. Written into workload profiles, resampled by the planner, replayed by the load test.
 */
export interface SessionSkeleton {
  readonly turns: readonly TurnSkeleton[];
}

export interface TurnSkeleton {
  /** Wait between the end of the previous turn and this one's user message (0 for the first). */
  readonly thinkMs: number;
  readonly steps: readonly StepSkeleton[];
}

export type StepSkeleton = LlmSkeleton | ToolSkeleton | StateSkeleton;

interface SkeletonBase {
  readonly id: string;
  readonly after: readonly string[];
}

export interface LlmSkeleton extends SkeletonBase {
  readonly kind: 'llm';
  readonly model?: string | undefined;
  readonly tokens: TokenRecord;
  /** Measured duration of the original call, when known: a hint, not a schedule. */
  readonly durationMs?: number | undefined;
  readonly ttftMs?: number | undefined;
}

export interface ToolSkeleton extends SkeletonBase {
  readonly kind: 'tool';
  readonly name: string;
  readonly durationMs: number;
}

export interface StateSkeleton extends SkeletonBase {
  readonly kind: 'state';
  readonly operation: 'read' | 'write';
  readonly durationMs: number;
}

/** What a trace reader reports to; see traces/. All methods are cheap and synchronous. */
export interface TraceSink {
  /** An LLM call whose source knows no sessions (row formats). */
  call(call: LlmCall): void;
  /** A finished session. */
  session(session: Session): void;
  /** One record of the input was seen (line, row, span): counts towards `read`. */
  read(count: number): void;
  /** A record was not used. `where` names file, line or record for the message. */
  skip(reason: string, where?: string): void;
  /** Totals of a time window that cannot be split into calls (providers' usage exports); optional. */
  bucket?(bucket: UsageBucket): void;
  /** How the token counts were made that the source does not report; once, at the end; optional. */
  estimates?(reports: readonly EstimateReport[]): void;
  /** Records left out because another record already carries the same usage. */
  duplicate(reason: string, count: number): void;
}

/** How the missing token counts of one model and role were estimated, and how far they may be off. */
export interface EstimateReport {
  readonly model?: string | undefined;
  /** The prompt, answers in text, or answers that call tools. */
  readonly role: 'input' | 'answers' | 'tool calls';
  readonly calls: number;
  /**
   * calibrated: tokenizer times the ratio found in calls of the same input that report usage;
   * tokenizer, characters: times the published error of that method.
   */
  readonly basis: 'calibrated' | 'tokenizer' | 'characters';
  /** Calls that the ratio was found in. */
  readonly samples: number;
  /** p5 and p95 of the true count over the estimate, for a single call; null when nobody knows. */
  readonly low: number | null;
  readonly high: number | null;
}

/** What a provider's usage export says of one window, model and key: for peaks and reconciliation. */
export interface UsageBucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly model?: string | undefined;
  /** Key or project it counts. */
  readonly client?: string | undefined;
  readonly tokens: TokenRecord;
  /** Requests in the window; undefined when the export does not count them (Anthropic). */
  readonly requests?: number | undefined;
}
