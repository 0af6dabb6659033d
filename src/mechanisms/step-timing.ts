import { MS_PER_SECOND } from '../core/units.ts';

/**
 * What one engine step works on. The engine reuses the object from step to step: read it inside
 * the call, do not keep it.
 */
export interface StepShape {
  /** Sequences that produce tokens by decoding in this step. */
  decodeSeqs: number;
  /** Tokens those sequences compute: more than one each under speculative decoding. */
  decodeTokens: number;
  /** Prompt tokens computed in this step (cached ones are not computed). */
  prefillTokens: number;
  /** Sequences those prompt tokens belong to. */
  prefillSeqs: number;
  /** Mean context length of the decoding sequences, in tokens; 0 without any. */
  meanContext: number;
  /** Token-weighted mean of (tokens before the chunk + half the chunk); 0 without prefill. */
  prefillContext: number;
}

/** Duration of one engine step in ms. From the capacity model, or from given constants. */
export type StepTimeMs = (step: StepShape) => number;

export interface ConstantTimingOptions {
  /** Time of a step that computes prompt tokens, before `prefillMsPerToken`. */
  readonly ttftMs: number;
  /** Time of a step that only decodes, with one sequence running. */
  readonly itlMs: number;
  /** Added per prompt token that is not cached. Default 0. */
  readonly prefillMsPerToken?: number | undefined;
  /**
   * How many times slower a decode step is with `maxNumSeqs` sequences than with one; linear in
   * between, as llm-d-inference-sim's time-factor-under-load. Default 1.
   */
  readonly loadFactor?: number | undefined;
  readonly maxNumSeqs?: number | undefined;
}

/**
 * Step time from constants: a lone request whose prompt fits one step has this TTFT and this ITL.
 * Steps are shared, so a prefill delays everyone who decodes: that is the point of the engine. For
 * latencies that ignore load, draw each call's own.
 */
export function constantTiming(options: ConstantTimingOptions): StepTimeMs {
  const { ttftMs, itlMs, prefillMsPerToken = 0, loadFactor = 1, maxNumSeqs = 1 } = options;
  const slowerPerSeq = maxNumSeqs > 1 ? (loadFactor - 1) / (maxNumSeqs - 1) : 0;
  return (step) => {
    const others = Math.max(0, step.decodeSeqs - 1);
    const decodeMs = step.decodeSeqs === 0 ? 0 : itlMs * (1 + slowerPerSeq * others);
    if (step.prefillTokens === 0) return decodeMs;
    return Math.max(ttftMs, decodeMs) + prefillMsPerToken * step.prefillTokens;
  };
}

export interface LinearTimingOptions {
  /** Fixed cost of a step: scheduler, kernel launches, reading the weights. */
  readonly stepMs: number;
  /** Per decoding sequence. */
  readonly decodeMsPerSeq: number;
  /** Per token of context that decoding reads. */
  readonly decodeMsPerContextToken: number;
  readonly prefillTokensPerSecond: number;
}

/** Step time linear in its work: the usual fit to a measured replica. */
export function linearTiming(options: LinearTimingOptions): StepTimeMs {
  const { stepMs, decodeMsPerSeq, decodeMsPerContextToken, prefillTokensPerSecond } = options;
  return (step) =>
    stepMs +
    decodeMsPerSeq * step.decodeTokens +
    decodeMsPerContextToken * step.decodeSeqs * step.meanContext +
    (step.prefillTokens * MS_PER_SECOND) / prefillTokensPerSecond;
}
