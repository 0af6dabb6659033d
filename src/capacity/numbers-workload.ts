import type { RandomStreams } from '../core/random.ts';
import { NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { SessionSkeleton, StepSkeleton, TurnSkeleton } from '../core/trace.ts';
import { scaleTokens } from './traffic.ts';

/** A workload told in a few numbers instead of measured. Every number is a mean. */
export interface NumbersWorkload {
  readonly turnsPerSession: number;
  /** May be fractional: 2.5 mixes turns of 2 and 3 calls. */
  readonly callsPerTurn: number;
  /** Calls of a turn sent at the same moment; the rest follow in groups of the same size. */
  readonly fanOut: number;
  /** Wait of the user between turns of a session. */
  readonly thinkMs: number;
  /** Time between two groups of calls of one turn: tools and own code. */
  readonly toolMs: number;
  /** Input and output of one call; undefined when the user gives none. */
  readonly tokens?: NumbersTokens | undefined;
  readonly callMs?: number | undefined;
}

interface NumbersTokens {
  /** All input, cached or not. */
  readonly input: number;
  readonly cachedShare: number;
  readonly output: number;
  /** Coefficient of variation of a call's size, input and output together (log-normal); 0 = constant. */
  readonly variation: number;
}

/** Sessions in the pool when anything varies; large enough that the tails are there (p99 of 1,000s of calls). */
const POOL_SESSIONS = 2000;

/** Sessions whose means are exactly the given numbers (up to the rounding of whole turns and calls). */
export function sessionsFromNumbers(
  numbers: NumbersWorkload,
  streams: RandomStreams,
): SessionSkeleton[] {
  const varies =
    (numbers.tokens?.variation ?? 0) > 0 ||
    !Number.isInteger(numbers.callsPerTurn) ||
    !Number.isInteger(numbers.turnsPerSession);
  const sessions = varies ? POOL_SESSIONS : 1;
  const totalTurns = Math.floor(numbers.turnsPerSession * sessions + 1e-9);
  const totalCalls = Math.floor(numbers.callsPerTurn * totalTurns + 1e-9);
  const sizes = callSizes(numbers.tokens, totalCalls, streams);
  let turnIndex = 0;
  return Array.from({ length: sessions }, (_, session) => ({
    turns: Array.from({ length: spread(numbers.turnsPerSession, session) }, (_unused, turn) =>
      buildTurn(numbers, turn, spread(numbers.callsPerTurn, turnIndex++), sizes),
    ),
  }));
}

/** One turn: groups of parallel calls, each after the one before it and its tools. */
function buildTurn(
  numbers: NumbersWorkload,
  turn: number,
  calls: number,
  nextSize: () => TokenRecord,
): TurnSkeleton {
  const steps: StepSkeleton[] = [];
  let group: string[] = [];
  for (let call = 0; call < calls; call += numbers.fanOut) {
    let after = group;
    if (call > 0 && numbers.toolMs > 0) {
      const id = `t${call}`;
      steps.push({ kind: 'tool', id, after, name: 'tools', durationMs: numbers.toolMs });
      after = [id];
    }
    group = [];
    for (let sibling = call; sibling < Math.min(calls, call + numbers.fanOut); sibling += 1) {
      const id = `c${sibling}`;
      const duration = numbers.callMs === undefined ? {} : { durationMs: numbers.callMs };
      steps.push({ kind: 'llm', id, after, tokens: nextSize(), ...duration });
      group.push(id);
    }
  }
  return { thinkMs: turn === 0 ? 0 : numbers.thinkMs, steps };
}

/** The k-th whole number of a series whose running mean stays at `mean` (error diffusion). */
function spread(mean: number, index: number): number {
  return Math.floor(mean * (index + 1) + 1e-9) - Math.floor(mean * index + 1e-9);
}

/**
 * A cycle of call sizes. Log-normal factors are normalised to mean 1, so that means are exact and
 * only the shape is drawn.
 */
function callSizes(
  tokens: NumbersTokens | undefined,
  count: number,
  streams: RandomStreams,
): () => TokenRecord {
  if (tokens === undefined) return () => NO_TOKENS;
  const base: TokenRecord = {
    ...NO_TOKENS,
    uncached: tokens.input * (1 - tokens.cachedShare),
    cacheRead: tokens.input * tokens.cachedShare,
    output: tokens.output,
  };
  if (tokens.variation === 0) return () => base;
  const random = streams('plan/call-sizes');
  const sigma = Math.sqrt(Math.log(1 + tokens.variation ** 2));
  const factors = Array.from({ length: count }, () => random.logNormal(0, sigma));
  const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length;
  let next = 0;
  return () => scaleTokens(base, factors[next++ % factors.length]! / mean);
}
