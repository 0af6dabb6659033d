import type { Spread, SyntheticSessions } from '../config/scenario.ts';
import type { Random, RandomStreams } from '../core/random.ts';
import type { SessionSkeleton, StepSkeleton, TurnSkeleton } from '../core/trace.ts';
import type { TokenRecord } from '../core/tokens.ts';

/**
 * Sessions from the numbers of a scenario. Session `index` depends on nothing but seed and index.
 * Its history grows as an agent's does: each call sees the one before, its answer and the tool's
 * result; parallel calls are sub-agents that start from the instructions alone.
 */
export function syntheticSessions(
  shape: SyntheticSessions,
  streams: RandomStreams,
): (index: number) => SessionSkeleton {
  // Drawn once: instructions are the same for every session, or no prompt cache could keep them.
  const systemTokens = draw(shape.tokens.system, streams('synthetic/system'), 0);
  return (index) => session(shape, systemTokens, streams(`synthetic/session/${index}`));
}

function session(shape: SyntheticSessions, systemTokens: number, random: Random): SessionSkeleton {
  const turns: TurnSkeleton[] = [];
  const context = { tokens: systemTokens, cached: systemTokens };
  const turnCount = draw(shape.turns, random, 1);
  for (let index = 0; index < turnCount; index += 1) {
    const thinkMs = index === 0 ? 0 : drawMs(shape.thinkTime, random);
    turns.push({ thinkMs, steps: turnSteps(shape, systemTokens, context, random) });
  }
  return { turns };
}

interface Context {
  /** Length of the conversation so far. */
  tokens: number;
  /** How much of it an earlier call has already sent. */
  cached: number;
}

function turnSteps(
  shape: SyntheticSessions,
  systemTokens: number,
  context: Context,
  random: Random,
): StepSkeleton[] {
  const steps: StepSkeleton[] = [];
  const calls = draw(shape.callsPerTurn, random, 1);
  const width = draw(shape.fanOut, random, 1);
  let after: string[] = [];
  context.tokens += draw(shape.tokens.user, random, 1);
  for (let call = 1; call <= calls; call += 1) {
    const isLast = call === calls;
    if (isLast && width > 1) {
      const workers = fanOut(shape, systemTokens, width, after, random);
      steps.push(...workers);
      after = workers.map(({ id }) => id);
      context.tokens += workers.reduce((sum, worker) => sum + worker.tokens.output, 0);
    }
    const output = draw(shape.tokens.output, random, 1);
    steps.push({ kind: 'llm', id: `c${call}`, after, tokens: record(context, output) });
    context.cached = context.tokens;
    context.tokens += output;
    if (isLast) break;
    const durationMs = drawMs(shape.toolDelay, random);
    steps.push({ kind: 'tool', id: `t${call}`, after: [`c${call}`], name: 'tool', durationMs });
    context.tokens += draw(shape.tokens.toolResult, random, 1);
    after = [`t${call}`];
  }
  return steps;
}

function fanOut(
  shape: SyntheticSessions,
  systemTokens: number,
  width: number,
  after: readonly string[],
  random: Random,
): Extract<StepSkeleton, { kind: 'llm' }>[] {
  return Array.from({ length: width }, (_, index) => {
    const own = { tokens: systemTokens + draw(shape.tokens.user, random, 1), cached: systemTokens };
    const output = draw(shape.tokens.output, random, 1);
    return { kind: 'llm', id: `f${index + 1}`, after, tokens: record(own, output) };
  });
}

function record({ tokens, cached }: Context, output: number): TokenRecord {
  const uncached = tokens - cached;
  return { uncached, cacheRead: cached, cacheWrite5m: 0, cacheWrite1h: 0, output, reasoning: 0 };
}

/** A whole number, at least `least`. */
function draw(spread: Spread, random: Random, least: number): number {
  return Math.max(least, Math.round(drawMs(spread, random)));
}

/** Log-normal with the given mean and coefficient of variation: σ² = ln(1 + cv²), μ = ln(mean) − σ²/2. */
function drawMs({ mean, cv }: Spread, random: Random): number {
  if (cv === 0 || mean === 0) return mean;
  const variance = Math.log(1 + cv * cv);
  return random.logNormal(Math.log(mean) - variance / 2, Math.sqrt(variance));
}
