import { createRequire } from 'node:module';

import type { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * OpenAI's two encodings in use: cl100k_base for gpt-3.5, gpt-4 and their embeddings, o200k_base
 * from gpt-4o on. Other makers' tokenizers are not public in this form; o200k_base stands in.
 */
export type Encoding = 'cl100k_base' | 'o200k_base';

/**
 * Characters counted exactly per run, about 4 s at 15 M characters/s; what is
 * beyond is taken at the tokens per character found until then.
 */
const MOST_COUNTED_CHARS = 64_000_000;
/** Merging is quadratic in the length of one unbroken piece: 200,000 equal letters took 44 s. */
const LONGEST_PIECE_CHARS = 256;
/** Last resort, without the tokenizer: the rule of thumb of OpenAI's and Anthropic's help pages. */
const CHARS_PER_TOKEN = 4;

export function encodingOf(model: string | undefined): Encoding {
  return model !== undefined && CL100K.test(model) ? 'cl100k_base' : 'o200k_base';
}

/** Whether the encoding's error against the model's own counts is published. */
export function isOpenaiModel(model: string | undefined): boolean {
  return model === undefined || OPENAI.test(model);
}

/** Counts tokens of text. The tokenizer is loaded at the first count, about 0.2 s. */
export class TokenCounter {
  #chars = 0;
  #tokens = 0;
  readonly #load: (encoding: Encoding) => typeof countTokens;
  /** What was loaded; null where that failed. */
  readonly #loaded = new Map<Encoding, typeof countTokens | null>();

  /** @param load for tests; throws when there is no tokenizer */
  constructor(load: (encoding: Encoding) => typeof countTokens = loadEncoding) {
    this.#load = load;
  }

  /** False when the tokenizer cannot be loaded: counts are then characters / 4. */
  hasTokenizer(encoding: Encoding): boolean {
    return this.#tokenizer(encoding) !== null;
  }

  count(text: string, encoding: Encoding): number {
    const count = this.#tokenizer(encoding);
    if (count === null) return text.length / CHARS_PER_TOKEN;
    if (this.#chars > MOST_COUNTED_CHARS) return (text.length * this.#tokens) / this.#chars;
    let tokens = 0;
    for (const piece of pieces(text)) tokens += count(piece, PLAIN_TEXT);
    this.#chars += text.length;
    this.#tokens += tokens;
    return tokens;
  }

  #tokenizer(encoding: Encoding): typeof countTokens | null {
    let found = this.#loaded.get(encoding);
    if (found === undefined) {
      try {
        found = this.#load(encoding);
      } catch {
        found = null;
      }
      this.#loaded.set(encoding, found);
    }
    return found;
  }
}

/** The text in parts that have no unbroken run longer than LONGEST_PIECE_CHARS. */
function pieces(text: string): readonly string[] {
  return LONG_RUN.test(text) ? text.split(LONG_RUNS).filter((piece) => piece !== '') : [text];
}

function loadEncoding(encoding: Encoding): typeof countTokens {
  // Synchronous, because readers are; only when a count is asked for.
  const module = require(`gpt-tokenizer/encoding/${encoding}`) as {
    readonly countTokens: typeof countTokens;
  };
  return module.countTokens;
}

const require = createRequire(import.meta.url);
/** `<|endoftext|>` in a trace is text. */
const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };
const LONG_RUN = new RegExp(`\\S{${LONGEST_PIECE_CHARS + 1}}|\\s{${LONGEST_PIECE_CHARS + 1}}`);
const LONG_RUNS = new RegExp(`(\\S{${LONGEST_PIECE_CHARS}}|\\s{${LONGEST_PIECE_CHARS}})`);
const CL100K = /(?:^|[/.])(?:gpt-4(?!o|\.|-?o)|gpt-3\.5|gpt-35|text-embedding-)/;
const OPENAI = /(?:^|[/.:])(?:gpt-|chatgpt|o[134](?:$|-)|text-embedding-|davinci|codex)/;
