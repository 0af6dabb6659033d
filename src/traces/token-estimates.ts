import { quantileSorted } from '../core/statistics.ts';
import { inputTokens, type TokenRecord } from '../core/tokens.ts';
import type { EstimateReport } from '../core/trace.ts';
import { encodingOf, isOpenaiModel, TokenCounter, type Encoding } from './token-count.ts';

type Role = EstimateReport['role'];

/** What was said in a call, as far as the source keeps it. */
export interface Conversation {
  readonly model: string | undefined;
  readonly prompt: PromptTexts;
  readonly answer: readonly string[];
  /** The answer asks for tools: part of what the model writes is then not in the trace. */
  readonly callsTools: boolean;
}

/** The texts of a prompt that may grow from call to call; each is counted once. */
export class PromptTexts {
  readonly #texts: string[] = [];
  #counted = 0;
  #tokens = 0;
  #encoding: Encoding | undefined;
  #chars = 0;

  constructor(texts: readonly string[] = []) {
    this.add(texts);
  }

  get chars(): number {
    return this.#chars;
  }

  add(texts: readonly string[]): void {
    for (const text of texts) {
      this.#texts.push(text);
      this.#chars += text.length;
    }
  }

  tokens(counter: TokenCounter, encoding: Encoding): number {
    if (encoding !== this.#encoding) {
      this.#encoding = encoding;
      this.#counted = 0;
      this.#tokens = 0;
    }
    for (; this.#counted < this.#texts.length; this.#counted += 1)
      this.#tokens += counter.count(this.#texts[this.#counted]!, encoding);
    return this.#tokens;
  }

  /** The texts as they are now, for a count that may never be needed. */
  snapshot(): readonly string[] {
    return [...this.#texts];
  }
}

/**
 * Token counts of calls whose source reports none, and how far they may be off. The texts are
 * counted with the model's encoding, then corrected per model and role: by the ratio of reported to
 * counted tokens where calls of the same input report usage, else by the error published for
 * OpenAI's models. Corrections are made in place by settle(), when all calls are known.
 */
export class TokenEstimates {
  readonly #counter: TokenCounter;
  readonly #raw = new Map<TokenRecord, { model: string | undefined; output: Role }>();
  readonly #samples = new Map<string, Sample[]>();
  readonly #reports = new Map<string, Mutable<EstimateReport> & { readonly factor: number }>();

  constructor(counter = new TokenCounter()) {
    this.#counter = counter;
  }

  /** Tokens of a call without usage: counted, not yet corrected. */
  estimate({ model, prompt, answer, callsTools }: Conversation): TokenRecord {
    const encoding = encodingOf(model);
    const output = total(answer, (text) => this.#counter.count(text, encoding));
    const tokens: TokenRecord = {
      uncached: Math.ceil(prompt.tokens(this.#counter, encoding)),
      cacheRead: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output: Math.ceil(output),
      reasoning: 0,
    };
    this.#raw.set(tokens, { model, output: outputRole(callsTools) });
    return tokens;
  }

  /** Whether a call of this model that reports usage would still help; cheap, ask before collecting texts. */
  wants(model: string | undefined): boolean {
    return (this.#samples.get(key(model, 'input'))?.length ?? 0) < MOST_SAMPLES;
  }

  /** A call that has texts and reported usage. Nothing is counted unless some call needs it. */
  observe(call: Conversation, reported: TokenRecord): void {
    if (!this.wants(call.model) || call.prompt.chars > LONGEST_SAMPLE_CHARS) return;
    const { model, prompt, answer, callsTools } = call;
    this.#keep(model, 'input', { texts: prompt.snapshot(), reported: inputTokens(reported) });
    // Reasoning is output that no text shows.
    const shown = reported.output - reported.reasoning;
    this.#keep(model, outputRole(callsTools), { texts: answer, reported: shown });
  }

  /** Whether this record is an estimate that waits for settle(). */
  isOpen(tokens: TokenRecord): boolean {
    return this.#raw.has(tokens);
  }

  /** Corrects all open estimates in place. */
  settle(): void {
    for (const [tokens, { model, output }] of this.#raw) {
      const uncached = this.#correct(tokens.uncached, model, 'input');
      Object.assign(tokens, { uncached, output: this.#correct(tokens.output, model, output) });
    }
    this.#raw.clear();
  }

  /** How the settled estimates were made, one entry per model and role. */
  reports(): readonly EstimateReport[] {
    return [...this.#reports.values()].map(({ factor: _factor, ...report }) => report);
  }

  #correct(counted: number, model: string | undefined, role: Role): number {
    const id = key(model, role);
    const report = this.#reports.get(id) ?? {
      model,
      role,
      calls: 0,
      ...this.#correction(model, role),
    };
    this.#reports.set(id, report);
    report.calls += 1;
    return Math.round(counted * report.factor);
  }

  #keep(model: string | undefined, role: Role, sample: Sample): void {
    const id = key(model, role);
    const known = this.#samples.get(id) ?? [];
    this.#samples.set(id, known);
    if (known.length < MOST_SAMPLES && sample.texts.length > 0) known.push(sample);
  }

  #correction(model: string | undefined, role: Role): Correction {
    const encoding = encodingOf(model);
    const ratios = (this.#samples.get(key(model, role)) ?? [])
      .map(({ reported, texts }) => ({
        reported,
        counted: total(texts, (text) => this.#counter.count(text, encoding)),
      }))
      .filter(({ counted, reported }) => counted > 0 && reported > 0)
      .map(({ counted, reported }) => reported / counted)
      .toSorted((a, b) => a - b);
    if (ratios.length >= FEWEST_SAMPLES) {
      const [p5, p50, p95] = [0.05, 0.5, 0.95].map((q) => quantileSorted(ratios, q));
      const band = { low: p5! / p50!, high: p95! / p50! };
      return { basis: 'calibrated', samples: ratios.length, factor: p50!, ...band };
    }
    const basis = this.#counter.hasTokenizer(encoding) ? 'tokenizer' : 'characters';
    const [p5, p50, p95] = PUBLISHED[basis][role === 'tool calls' ? 'toolCalls' : 'text'];
    // The published error is of OpenAI's models; of others' tokenizers nothing is known.
    const isKnown = isOpenaiModel(model);
    const band = { low: isKnown ? p50 / p95 : null, high: isKnown ? p50 / p5 : null };
    return { basis, samples: 0, factor: 1 / p50, ...band };
  }
}

interface Sample {
  readonly texts: readonly string[];
  readonly reported: number;
}

type Correction = Pick<EstimateReport, 'basis' | 'samples' | 'low' | 'high'> & {
  readonly factor: number;
};
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function outputRole(callsTools: boolean): Role {
  return callsTools ? 'tool calls' : 'answers';
}

function key(model: string | undefined, role: Role): string {
  return `${role} ${model ?? ''}`;
}

function total(texts: readonly string[], count: (text: string) => number): number {
  let sum = 0;
  for (const text of texts) sum += count(text);
  return sum;
}

/**
 * Estimate over reported completion tokens, p5/p50/p95, of gpt-4o in tau2-bench: 139 answers in
 * text, 78 that call tools. Prompts are mostly text and corrected as such.
 */
const PUBLISHED = {
  tokenizer: { text: [0.962, 0.986, 0.995], toolCalls: [0.545, 0.682, 0.902] },
  characters: { text: [0.967, 1.149, 1.258], toolCalls: [0.423, 0.55, 1.213] },
} as const;
/** Below this p5 and p95 are guesses. */
const FEWEST_SAMPLES = 10;
const MOST_SAMPLES = 64;
/** A longer prompt is not kept as a sample: 64 of them must stay small. */
const LONGEST_SAMPLE_CHARS = 200_000;
