import type { LlmCall, Session, Turn } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { criticalPath } from './critical-path.ts';
import type { PathShare } from './critical-path.ts';
import { Series } from './series.ts';
import { isGeneration, thinkTimesMs } from './session-fold.ts';
import type { Summary } from './summary.ts';

/** The shape of sessions, beyond counts. */
export interface StructureProfile {
  /** Input tokens of a call minus those of the call before it of the same agent; negative where it shrank. */
  readonly contextGrowth: Summary | null;
  /** Consecutive calls of one agent, and how many of them had a shorter prompt than the one before. */
  readonly contextSteps: number;
  readonly contextShrinks: number;
  /** Prompts cut by more than 40 % from above 20,000 tokens: compactions and clears. */
  readonly compactions: number;
  /** Per session: input tokens of all calls over those of the last one. */
  readonly resendFactor: Summary | null;
  /** Tool calls repeated with the same name and arguments in one session; null without argument hashes. */
  readonly repeatedToolCalls: RepeatedToolCalls | null;
  readonly retries: {
    readonly callsWithRetry: number;
    readonly extraAttempts: number;
    /** Attempts that started within a second of the failure before. */
    readonly immediate: number;
    /** Attempts answered with 429. */
    readonly rateLimited: number;
  };
  /** Agents beside the first one of each session. */
  readonly subAgents: { readonly count: number; readonly calls: Summary | null };
  /** Time on the critical path of turns, and the user's time between turns; milliseconds, summed. */
  readonly time: Readonly<Record<PathShare, number>> & { readonly humanMs: number };
  /** Time of all LLM and tool calls over the time of the turns: above 1 means parallel work. */
  readonly parallelism: number | null;
}

interface RepeatedToolCalls {
  /** Tool calls whose arguments are known by hash. */
  readonly hashed: number;
  readonly repeated: number;
  /** Longest run of one and the same call with no other tool call between. */
  readonly longestLoop: number;
}

/** A prompt cut below this share of a prompt above the floor is a compaction (traces.md §7.3). */
const COMPACTED_SHARE = 0.6;
const COMPACTION_FLOOR_TOKENS = 20_000;
/** A retry sooner than this did not back off. */
const IMMEDIATE_MS = MS_PER_SECOND;

/** Folds sessions into a structure profile. */
export class StructureFold {
  #sessions = 0;
  readonly #growth = new Series();
  readonly #resend = new Series();
  readonly #subAgentCalls = new Series();
  #subAgents = 0;
  #steps = 0;
  #shrinks = 0;
  #compactions = 0;
  readonly #repeats = { hashed: 0, repeated: 0, longestLoop: 0 };
  readonly #retries = { callsWithRetry: 0, extraAttempts: 0, immediate: 0, rateLimited: 0 };
  readonly #path: Record<PathShare, number> = {
    ttftMs: 0,
    decodeMs: 0,
    llmMs: 0,
    toolMs: 0,
    stateMs: 0,
    retryMs: 0,
    gapMs: 0,
  };
  #humanMs = 0;
  #busyMs = 0;
  #turnMs = 0;

  add(session: Session): void {
    this.#sessions += 1;
    const calls = session.turns
      .flatMap(({ steps }) => steps.filter(isGeneration))
      .toSorted((a, b) => a.startMs - b.startMs);
    this.#addContexts(calls);
    for (const call of calls) this.#addAttempts(call);
    this.#addToolRepeats(session);
    for (const turn of session.turns) this.#addTime(turn);
    for (const think of thinkTimesMs(session)) if (think > 0) this.#humanMs += think;
  }

  /** Null when no session was seen. */
  figures(): StructureProfile | null {
    if (this.#sessions === 0) return null;
    return {
      contextGrowth: this.#growth.summary(),
      contextSteps: this.#steps,
      contextShrinks: this.#shrinks,
      compactions: this.#compactions,
      resendFactor: this.#resend.summary(),
      repeatedToolCalls: this.#repeats.hashed === 0 ? null : { ...this.#repeats },
      retries: { ...this.#retries },
      subAgents: { count: this.#subAgents, calls: this.#subAgentCalls.summary() },
      time: { ...this.#path, humanMs: this.#humanMs },
      parallelism: this.#turnMs === 0 ? null : this.#busyMs / this.#turnMs,
    };
  }

  #addContexts(calls: readonly LlmCall[]): void {
    const byAgent = new Map<string, LlmCall[]>();
    for (const call of calls) {
      if (call.tokensBasis === 'missing') continue;
      const own = byAgent.get(call.agent ?? '');
      if (own === undefined) byAgent.set(call.agent ?? '', [call]);
      else own.push(call);
    }
    for (const [index, own] of [...byAgent.values()].entries()) {
      this.#addContext(own);
      if (index === 0) continue;
      this.#subAgents += 1;
      this.#subAgentCalls.add(own.length);
    }
  }

  #addContext(calls: readonly LlmCall[]): void {
    const inputs = calls.map(({ tokens }) => inputTokens(tokens));
    let sum = 0;
    for (const [index, input] of inputs.entries()) {
      sum += input;
      const before = inputs[index - 1];
      if (before === undefined) continue;
      this.#steps += 1;
      this.#growth.add(input - before);
      if (input < before) this.#shrinks += 1;
      if (before > COMPACTION_FLOOR_TOKENS && input < COMPACTED_SHARE * before) {
        this.#compactions += 1;
      }
    }
    const last = inputs.at(-1)!;
    if (last > 0) this.#resend.add(sum / last);
  }

  #addAttempts({ attempts }: LlmCall): void {
    const retries = this.#retries;
    if (attempts.length > 1) retries.callsWithRetry += 1;
    for (const [index, attempt] of attempts.entries()) {
      if (attempt.status === 429) retries.rateLimited += 1;
      const before = attempts[index - 1];
      if (before === undefined) continue;
      retries.extraAttempts += 1;
      if (attempt.startMs - (before.endMs ?? before.startMs) < IMMEDIATE_MS) retries.immediate += 1;
    }
  }

  #addToolRepeats(session: Session): void {
    const seen = new Set<string>();
    let previous: string | undefined;
    let run = 0;
    for (const step of session.turns.flatMap(({ steps }) => steps)) {
      if (step.kind !== 'tool') continue;
      const { argumentsHash } = step;
      // A tool whose arguments are unknown ends a run: it may be anything.
      const key = argumentsHash === undefined ? undefined : `${step.name} ${argumentsHash}`;
      run = key !== undefined && key === previous ? run + 1 : 1;
      previous = key;
      if (key === undefined) continue;
      this.#repeats.hashed += 1;
      if (seen.has(key)) this.#repeats.repeated += 1;
      seen.add(key);
      this.#repeats.longestLoop = Math.max(this.#repeats.longestLoop, run);
    }
  }

  #addTime(turn: Turn): void {
    const path = criticalPath(turn);
    if (path === null) return;
    for (const share of Object.keys(this.#path) as PathShare[]) {
      this.#path[share] += path.shares[share];
    }
    this.#turnMs += path.totalMs;
    for (const step of turn.steps) {
      if (step.endMs !== undefined) this.#busyMs += Math.max(0, step.endMs - step.startMs);
    }
  }
}
