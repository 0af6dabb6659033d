import type { ApiError } from './dialect.ts';
import { isRecord, listOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { tokensOfCharacters } from './dialect-prompt.ts';
import { checkCounts } from './openai-chat.ts';
import { invalidRequest } from './openai-error.ts';

export interface EmbeddingRequest {
  readonly model: string;
  /** Texts, or token lists as their JSON text. */
  readonly inputs: readonly string[];
  readonly inputTokens: number;
  readonly dimensions: number | undefined;
  /** The JavaScript SDK asks for base64 and decodes it. */
  readonly encoding: 'float' | 'base64';
}

export type ReadEmbeddingRequest =
  | { readonly ok: true; readonly request: EmbeddingRequest }
  | { readonly ok: false; readonly error: ApiError };

/** OpenAI's bound of inputs in one request. */
const MAX_INPUTS = 2048;

/** Reads an embeddings request: a text, texts, one list of token ids, or several. */
export function readEmbeddingRequest(body: unknown): ReadEmbeddingRequest {
  if (!isRecord(body)) return refuse('We could not parse the JSON body of your request.');
  const model = stringOf(body['model']);
  if (model === undefined || model === '') return refuse('you must provide a model parameter');
  const wrong = checkCounts(body, ['dimensions']);
  if (wrong !== undefined) return { ok: false, error: wrong };
  const format = body['encoding_format'] ?? 'float';
  if (format !== 'float' && format !== 'base64') {
    return refuse(
      "Invalid value for 'encoding_format': expected 'float' or 'base64'.",
      'encoding_format',
    );
  }
  const inputs = inputsOf(body['input']);
  if (inputs === undefined) {
    return refuse("'$.input' is invalid. Please check the API reference.", 'input');
  }
  let inputTokens = 0;
  for (const { tokens } of inputs) inputTokens += tokens;
  const dimensions = body['dimensions'];
  return {
    ok: true,
    request: {
      model,
      inputs: inputs.map(({ text }) => text),
      inputTokens,
      dimensions: typeof dimensions === 'number' ? dimensions : undefined,
      encoding: format,
    },
  };
}

/** The reply; base64 is little-endian float32, as the SDKs decode it. */
export function embeddingReply(
  { model, encoding, inputTokens }: EmbeddingRequest,
  vectors: readonly Float32Array[],
): Json {
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encoding === 'base64' ? base64(vector) : [...vector],
    })),
    model,
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
  };
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}

interface Input {
  readonly text: string;
  readonly tokens: number;
}

function inputsOf(input: unknown): readonly Input[] | undefined {
  if (typeof input === 'string') return input === '' ? undefined : [ofText(input)];
  if (isTokens(input)) return [ofTokens(input)];
  const items = listOf(input);
  if (items.length === 0 || items.length > MAX_INPUTS) return undefined;
  const inputs: Input[] = [];
  for (const item of items) {
    if (typeof item === 'string' && item !== '') inputs.push(ofText(item));
    else if (isTokens(item)) inputs.push(ofTokens(item));
    else return undefined;
  }
  return inputs;
}

function isTokens(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => Number.isSafeInteger(item))
  );
}

function ofText(text: string): Input {
  return { text, tokens: tokensOfCharacters(text.length) };
}

function ofTokens(tokens: readonly number[]): Input {
  return { text: JSON.stringify(tokens), tokens: tokens.length };
}

function refuse(message: string, param?: string): ReadEmbeddingRequest {
  return { ok: false, error: invalidRequest(message, param) };
}
