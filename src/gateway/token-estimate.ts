import type { TokenRecord } from '../core/tokens.ts';
import { inputTokens } from '../core/tokens.ts';
import type { RequestFacts } from './request-facts.ts';

/** Bytes of JSON per input token before anything is learned. */
const BYTES_PER_TOKEN = 4;

/** Weight of the newest call in the learned ratios: about the last nine calls count. */
const LEARNING_RATE = 0.2;

/**
 * Bounds of the learned ratio of real to estimated input. Base64 images cost far fewer tokens than
 * bytes/4, tokenizers of other scripts up to four times more.
 */
const RATIO_BOUNDS = [0.02, 4] as const;

/** Output reserved when the caller states no cap and nothing is learned (LiteLLM uses the same). */
const DEFAULT_OUTPUT = 1024;

/** Head room over the learned mean output: fits an exponential's 86th percentile. */
const OUTPUT_HEADROOM = 2;

/** More models than this of one agent share one entry, so that names cannot fill the memory. */
const MAX_MODELS = 64;

export interface TokenEstimate {
  readonly input: number;
  readonly output: number;
  /** False when the caller capped the output itself. */
  readonly isOutputGuess: boolean;
}

interface Learned {
  inputRatio: number;
  outputMean: number | undefined;
}

/** Estimates what calls of one agent will use, learning from what earlier ones did use. */
export class TokenEstimator {
  readonly #byModel = new Map<string, Learned>();

  /** @param hasOutput false for embeddings */
  estimate(facts: RequestFacts, bodyBytes: number, hasOutput: boolean): TokenEstimate {
    const learned = this.#learned(facts.model);
    const input = Math.ceil((bodyBytes / BYTES_PER_TOKEN) * learned.inputRatio);
    if (!hasOutput) return { input, output: 0, isOutputGuess: false };
    if (facts.outputCap !== undefined) {
      return { input, output: facts.outputCap, isOutputGuess: false };
    }
    const mean = learned.outputMean;
    const output = mean === undefined ? DEFAULT_OUTPUT : Math.ceil(mean * OUTPUT_HEADROOM);
    return { input, output, isOutputGuess: true };
  }

  /** Learns from reported usage. */
  learn(facts: RequestFacts, bodyBytes: number, tokens: TokenRecord): void {
    const learned = this.#learned(facts.model);
    if (bodyBytes > 0) {
      const [lowest, highest] = RATIO_BOUNDS;
      const ratio = (inputTokens(tokens) * BYTES_PER_TOKEN) / bodyBytes;
      learned.inputRatio += LEARNING_RATE * (ratio - learned.inputRatio);
      learned.inputRatio = Math.min(highest, Math.max(lowest, learned.inputRatio));
    }
    learned.outputMean ??= tokens.output;
    learned.outputMean += LEARNING_RATE * (tokens.output - learned.outputMean);
  }

  #learned(model = ''): Learned {
    const known = this.#byModel.get(model);
    if (known !== undefined) return known;
    if (model !== '' && this.#byModel.size >= MAX_MODELS) return this.#learned('');
    const fresh: Learned = { inputRatio: 1, outputMean: undefined };
    this.#byModel.set(model, fresh);
    return fresh;
  }
}
