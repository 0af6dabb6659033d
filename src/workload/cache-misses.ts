import type { LlmCall } from '../core/trace.ts';
import { cacheWriteTokens, inputTokens } from '../core/tokens.ts';
import { MS_PER_HOUR, MS_PER_MINUTE } from '../core/units.ts';
import type { SessionLifetimes } from './lifetime-fold.ts';
import type { LifetimePart } from './lifetime-sums.ts';

/** Why tokens were not read from the cache, first reason that holds. */
export type MissCause =
  | 'coldStart'
  | 'modelSwitched'
  /** Another deployment of the same model answered: each has a cache of its own. */
  | 'routeSwitched'
  | 'toolsChanged'
  | 'systemChanged'
  | 'contextCut'
  /** The prompt does not begin as the one before: earlier messages were edited. */
  | 'messagesChanged'
  | 'ttlLapsed'
  | 'prefixTooShort'
  | 'unexplained';

/** Realised cache use of consecutive calls of one agent in one session. */
export interface CacheMisses {
  /** Calls whose source reports cache use. */
  readonly calls: number;
  /** Tokens that the call before had left in the cache and that were read. */
  readonly hitTokens: number;
  /** Tokens read, by who had left them in the cache; absent in profiles of earlier versions. */
  readonly reads?: CacheReads | undefined;
  /** Causes that profiles of earlier versions did not tell apart are absent there. */
  readonly causes: Readonly<Partial<Record<MissCause, MissCount | undefined>>>;
}

interface CacheReads {
  /** The agent's own call before. */
  readonly sameSession: number;
  /** Another session: the session's first call read them. */
  readonly otherSessions: number;
  /** First calls of sub-agents, reads after the lifetime, and what exceeds the call before: either. */
  readonly unclear: number;
}

export interface MissFoldState {
  readonly calls: number;
  readonly hitTokens: number;
  readonly reads: CacheReads;
  readonly causes: Readonly<Record<MissCause, MissCount>>;
}

interface MissCount {
  readonly calls: number;
  /** Tokens that a warm cache would have served (cold start: the whole uncached prompt). */
  readonly tokens: number;
}

/** Rounding to blocks and a changed tail cost a little in every call; a smaller gap is no miss. */
const MISS_SHARE = 0.1;
/** A prompt this much shorter than the one before was compacted or cleared. */
const CUT_SHARE = 0.8;
/** Shortest prefix that providers cache: 1,024 tokens on OpenAI and most Anthropic models (providers.md). */
const MIN_PREFIX_TOKENS = 1024;

/** Attributes the misses of sessions whose source reports cache reads or writes. */
export class MissFold {
  #calls = 0;
  #hitTokens = 0;
  readonly #reads = { sameSession: 0, otherSessions: 0, unclear: 0 };
  readonly #causes: Record<MissCause, { calls: number; tokens: number }> = {
    coldStart: { calls: 0, tokens: 0 },
    modelSwitched: { calls: 0, tokens: 0 },
    routeSwitched: { calls: 0, tokens: 0 },
    toolsChanged: { calls: 0, tokens: 0 },
    systemChanged: { calls: 0, tokens: 0 },
    contextCut: { calls: 0, tokens: 0 },
    messagesChanged: { calls: 0, tokens: 0 },
    ttlLapsed: { calls: 0, tokens: 0 },
    prefixTooShort: { calls: 0, tokens: 0 },
    unexplained: { calls: 0, tokens: 0 },
  };

  /**
   * @param calls of one session in order of time
   * @param lifetimes also told what each call wrote and read; absent when prefixes tell it
   */
  session(calls: readonly LlmCall[], lifetimes?: SessionLifetimes): void {
    const isKnown = ({ tokensBasis }: LlmCall): boolean => tokensBasis === 'reported';
    const reportsWrites = calls.some((call) => isKnown(call) && cacheWriteTokens(call.tokens) > 0);
    if (!reportsWrites && !calls.some((call) => isKnown(call) && call.tokens.cacheRead > 0)) return;
    const previous = new Map<string, LlmCall>();
    for (const call of calls) {
      if (!isKnown(call)) continue;
      const agent = call.agent ?? '';
      const before = previous.get(agent);
      if (previous.size === 0) this.#reads.otherSessions += call.tokens.cacheRead;
      else if (before === undefined) this.#reads.unclear += call.tokens.cacheRead;
      const lost = this.#compare(call, before, reportsWrites);
      // Without times nobody knows what had lapsed.
      if (lifetimes !== undefined && !Number.isNaN(call.startMs)) {
        addLifetimes(lifetimes.of(call.agent), call, before, lost, reportsWrites);
      }
      previous.set(agent, call);
    }
  }

  state(): MissFoldState {
    const reads = { ...this.#reads };
    return { calls: this.#calls, hitTokens: this.#hitTokens, reads, causes: this.#causes };
  }

  merge(state: MissFoldState): void {
    this.#calls += state.calls;
    this.#hitTokens += state.hitTokens;
    this.#reads.sameSession += state.reads.sameSession;
    this.#reads.otherSessions += state.reads.otherSessions;
    this.#reads.unclear += state.reads.unclear;
    for (const cause of Object.keys(this.#causes) as MissCause[]) {
      this.#causes[cause].calls += state.causes[cause].calls;
      this.#causes[cause].tokens += state.causes[cause].tokens;
    }
  }

  figures(): CacheMisses | null {
    if (this.#calls === 0) return null;
    return this.state();
  }

  /** Returns the tokens that were not read because the lifetime had lapsed. */
  #compare(call: LlmCall, previous: LlmCall | undefined, reportsWrites: boolean): number {
    this.#calls += 1;
    const { tokens } = call;
    if (previous === undefined) {
      this.#hitTokens += tokens.cacheRead;
      this.#count('coldStart', inputTokens(tokens) - tokens.cacheRead);
      return 0;
    }
    // Providers that report writes leave what was read and written; others cache the whole prompt.
    const left = reportsWrites
      ? previous.tokens.cacheRead + cacheWriteTokens(previous.tokens)
      : inputTokens(previous.tokens);
    const isCut = inputTokens(tokens) < CUT_SHARE * inputTokens(previous.tokens);
    const expected = isCut ? left : Math.min(left, inputTokens(tokens));
    const missed = expected - tokens.cacheRead;
    this.#hitTokens += Math.min(expected, tokens.cacheRead);
    const own = hasLapsed(call, previous) ? 0 : Math.min(left, tokens.cacheRead);
    this.#reads.sameSession += own;
    this.#reads.unclear += tokens.cacheRead - own;
    if (missed <= MISS_SHARE * expected) return 0;
    const why = cause(call, previous, expected, isCut);
    this.#count(why, missed);
    return why === 'ttlLapsed' ? missed : 0;
  }

  #count(name: MissCause, tokens: number): void {
    if (tokens <= 0) return;
    this.#causes[name].calls += 1;
    this.#causes[name].tokens += tokens;
  }
}

/** In the order in which a cache decides: the model and its server, then the prompt from its start, then time. */
function cause(call: LlmCall, previous: LlmCall, expected: number, isCut: boolean): MissCause {
  const own = call.details;
  const before = previous.details;
  const reported = own?.missReason;
  if (call.model !== previous.model || call.provider !== previous.provider) return 'modelSwitched';
  if (reported !== undefined)
    return isCut && reported === 'messages' ? 'contextCut' : REPORTED[reported];
  if (differ(own?.route, before?.route)) return 'routeSwitched';
  if (differ(own?.toolsHash, before?.toolsHash)) return 'toolsChanged';
  if (differ(own?.systemHash, before?.systemHash)) return 'systemChanged';
  if (isCut) return 'contextCut';
  if (beginsOtherwise(call, previous)) return 'messagesChanged';
  if (hasLapsed(call, previous)) return 'ttlLapsed';
  return expected < MIN_PREFIX_TOKENS ? 'prefixTooShort' : 'unexplained';
}

const FIVE_MINUTES_MS = 5 * MS_PER_MINUTE;

/** Whether the lifetime that the call before paid for was over. */
function hasLapsed(call: LlmCall, previous: LlmCall): boolean {
  const lifetimeMs = previous.tokens.cacheWrite1h > 0 ? MS_PER_HOUR : FIVE_MINUTES_MS;
  // The lifetime counts from the last use, and a call uses its prefix when it starts.
  return call.startMs - previous.startMs > lifetimeMs;
}

/**
 * What either lifetime would have made of a call's input. After 5 to 60 minutes an hour reads what
 * five minutes write again: what was lost to the lapse, and what was read, unless it had been
 * written for five minutes (then somebody else kept it warm). Sources that report no writes cache
 * the whole prompt.
 * @param lost not read because the lifetime had lapsed
 */
function addLifetimes(
  part: LifetimePart,
  call: LlmCall,
  previous: LlmCall | undefined,
  lost: number,
  reportsWrites: boolean,
): void {
  const { tokens } = call;
  const wrote = reportsWrites ? cacheWriteTokens(tokens) : tokens.uncached;
  let again = 0;
  let outlived = 0;
  if (previous !== undefined && isBetweenLifetimes(call.startMs - previous.startMs)) {
    again = Math.min(lost, wrote);
    const isHour = previous.tokens.cacheWrite1h > 0 || tokens.cacheWrite1h > 0;
    if (isHour || !reportsWrites) outlived = tokens.cacheRead;
  }
  part.calls += 1;
  part.written += wrote - again;
  part.rewritten += again + outlived;
  part.read += tokens.cacheRead - outlived;
  if (reportsWrites) part.uncached += tokens.uncached;
}

function isBetweenLifetimes(gapMs: number): boolean {
  return gapMs > FIVE_MINUTES_MS && gapMs <= MS_PER_HOUR;
}

const REPORTED = {
  model: 'modelSwitched',
  tools: 'toolsChanged',
  system: 'systemChanged',
  messages: 'messagesChanged',
} as const;

/** Whether both are known and not the same. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Whether the prompt's blocks leave those of the prompt before; its last block may be a partial one. */
function beginsOtherwise(call: LlmCall, previous: LlmCall): boolean {
  const [own, before] = [call.prefix?.ids, previous.prefix?.ids];
  if (own === undefined || before === undefined) return false;
  const length = Math.min(own.length, before.length - 1);
  // Ids are chained, so equal ends mean equal beginnings.
  return length > 0 && own[length - 1] !== before[length - 1];
}
