import type { LlmCall, Session, Turn } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { ExactSum } from '../core/exact-sum.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { criticalPath } from './critical-path.ts';
import type { PathShare } from './critical-path.ts';
import type { FanOutProfile } from './fan-out.ts';
import { sessionOrder } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import type { RetryWaits } from './retry-waits.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import { generationsInOrder, thinkTimesMs } from './session-fold.ts';
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
  readonly fanOut?: FanOutProfile | undefined;
  readonly retryWaits?: RetryWaits | undefined;
}

interface RepeatedToolCalls {
  /** Tool calls whose arguments are known by hash. */
  readonly hashed: number;
  readonly repeated: number;
  /** Longest run of one and the same call with no other tool call between. */
  readonly longestLoop: number;
}

/** A prompt cut below this share of a prompt above the floor is a compaction. */
const COMPACTED_SHARE = 0.6;
const COMPACTION_FLOOR_TOKENS = 20_000;
/** A retry sooner than this did not back off. */
const IMMEDIATE_MS = MS_PER_SECOND;

const PATH_SHARES = [
  'queueMs',
  'ttftMs',
  'decodeMs',
  'llmMs',
  'toolMs',
  'approvalMs',
  'stateMs',
  'retryMs',
  'gapMs',
] as const satisfies readonly PathShare[];
const TIMES = [...PATH_SHARES, 'humanMs', 'busyMs', 'turnMs'] as const;

/** Folds sessions into a structure profile. */
export class StructureFold {
  readonly #series = { growth: new Series(), resend: new Series(), subAgentCalls: new Series() };
  readonly #counts: Record<StructureCount, number> = {
    sessions: 0,
    subAgents: 0,
    steps: 0,
    shrinks: 0,
    compactions: 0,
    hashed: 0,
    repeated: 0,
    callsWithRetry: 0,
    extraAttempts: 0,
    immediate: 0,
    rateLimited: 0,
  };
  #longestLoop = 0;
  /** Summed without rounding, so that the order of sessions does not show. */
  readonly #times = Object.fromEntries(TIMES.map((name) => [name, new ExactSum()])) as Record<
    (typeof TIMES)[number],
    ExactSum
  >;

  /** @param calls the session's generations in order of time, where the caller has them */
  add(session: Session, calls: readonly LlmCall[] = generationsInOrder(session)): void {
    this.#counts.sessions += 1;
    this.#addContexts(calls, sessionOrder(session));
    for (const call of calls) this.#addAttempts(call);
    this.#addToolRepeats(session);
    for (const turn of session.turns) this.#addTime(turn);
    for (const think of thinkTimesMs(session)) if (think > 0) this.#times.humanMs.add(think);
  }

  state(): StructureFoldState {
    const { growth, resend, subAgentCalls } = this.#series;
    return {
      series: [growth.state(), resend.state(), subAgentCalls.state()],
      counts: { ...this.#counts },
      longestLoop: this.#longestLoop,
      times: TIMES.map((name) => this.#times[name].state()),
    };
  }

  merge(state: StructureFoldState): void {
    const { growth, resend, subAgentCalls } = this.#series;
    for (const [index, series] of [growth, resend, subAgentCalls].entries()) {
      series.merge(state.series[index]!);
    }
    const counts = this.#counts;
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
      counts[name] += state.counts[name];
    }
    this.#longestLoop = Math.max(this.#longestLoop, state.longestLoop);
    for (const [index, name] of TIMES.entries()) this.#times[name].merge(state.times[index]!);
  }

  /** Null when no session was seen. */
  figures(): StructureProfile | null {
    const { sessions, subAgents, steps, shrinks, compactions, ...others } = this.#counts;
    if (sessions === 0) return null;
    const { hashed, repeated, ...retries } = others;
    const time = Object.fromEntries(PATH_SHARES.map((name) => [name, this.#times[name].value]));
    const { humanMs, busyMs, turnMs } = this.#times;
    return {
      contextGrowth: this.#series.growth.summary(),
      contextSteps: steps,
      contextShrinks: shrinks,
      compactions,
      resendFactor: this.#series.resend.summary(),
      repeatedToolCalls: hashed === 0 ? null : { hashed, repeated, longestLoop: this.#longestLoop },
      retries,
      subAgents: { count: subAgents, calls: this.#series.subAgentCalls.summary() },
      time: { ...(time as Record<PathShare, number>), humanMs: humanMs.value },
      parallelism: turnMs.value === 0 ? null : busyMs.value / turnMs.value,
    };
  }

  #addContexts(calls: readonly LlmCall[], keyAt: (startMs: number) => OrderKey): void {
    const byAgent = new Map<string, LlmCall[]>();
    for (const call of calls) {
      if (call.tokensBasis === 'missing') continue;
      const own = byAgent.get(call.agent ?? '');
      if (own === undefined) byAgent.set(call.agent ?? '', [call]);
      else own.push(call);
    }
    for (const [index, own] of [...byAgent.values()].entries()) {
      this.#addContext(own, keyAt);
      if (index === 0) continue;
      this.#counts.subAgents += 1;
      this.#series.subAgentCalls.add(own.length, keyAt(own[0]!.startMs));
    }
  }

  #addContext(calls: readonly LlmCall[], keyAt: (startMs: number) => OrderKey): void {
    const counts = this.#counts;
    let sum = 0;
    let before: number | undefined;
    for (const { tokens, startMs } of calls) {
      const input = inputTokens(tokens);
      sum += input;
      if (before !== undefined) {
        counts.steps += 1;
        this.#series.growth.add(input - before, keyAt(startMs));
        if (input < before) counts.shrinks += 1;
        if (before > COMPACTION_FLOOR_TOKENS && input < COMPACTED_SHARE * before) {
          counts.compactions += 1;
        }
      }
      before = input;
    }
    const last = before ?? 0;
    if (last > 0) this.#series.resend.add(sum / last, keyAt(calls[0]!.startMs));
  }

  #addAttempts({ attempts }: LlmCall): void {
    const retries = this.#counts;
    if (attempts.length > 1) retries.callsWithRetry += 1;
    for (let index = 0; index < attempts.length; index += 1) {
      const attempt = attempts[index]!;
      if (attempt.status === 429) retries.rateLimited += 1;
      const before = attempts[index - 1];
      if (before === undefined) continue;
      retries.extraAttempts += 1;
      // Tries known by number only share one start: their waits are not known.
      if (before.startMs === attempt.startMs) continue;
      if (attempt.startMs - (before.endMs ?? before.startMs) < IMMEDIATE_MS) retries.immediate += 1;
    }
  }

  #addToolRepeats(session: Session): void {
    const seen = new Set<string>();
    let previous: string | undefined;
    let run = 0;
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (step.kind !== 'tool') continue;
        // A hash of name and arguments. A tool whose arguments are unknown ends a run: it may be anything.
        const { argumentsHash } = step;
        run = argumentsHash !== undefined && argumentsHash === previous ? run + 1 : 1;
        previous = argumentsHash;
        if (argumentsHash === undefined) continue;
        this.#counts.hashed += 1;
        if (seen.has(argumentsHash)) this.#counts.repeated += 1;
        else seen.add(argumentsHash);
        this.#longestLoop = Math.max(this.#longestLoop, run);
      }
    }
  }

  #addTime(turn: Turn): void {
    const path = criticalPath(turn);
    if (path === null) return;
    for (const share of PATH_SHARES) {
      if (path.shares[share] !== 0) this.#times[share].add(path.shares[share]);
    }
    this.#times.turnMs.add(path.totalMs);
    for (const { startMs, endMs } of turn.steps) {
      if (endMs !== undefined && endMs > startMs) this.#times.busyMs.add(endMs - startMs);
    }
  }
}

type StructureCount =
  | 'sessions'
  | 'subAgents'
  | 'steps'
  | 'shrinks'
  | 'compactions'
  | 'hashed'
  | 'repeated'
  | 'callsWithRetry'
  | 'extraAttempts'
  | 'immediate'
  | 'rateLimited';

export interface StructureFoldState {
  readonly series: readonly SeriesState[];
  readonly counts: Readonly<Record<StructureCount, number>>;
  readonly longestLoop: number;
  readonly times: readonly (readonly number[])[];
}
