import { NO_TOKENS, type TokenRecord } from '../core/tokens.ts';
import {
  amountOf,
  isObject,
  listOf,
  numberOf,
  objectOf,
  textOf,
  type JsonObject,
} from './json-value.ts';
import type { RecordedCall, RecordedOutcome } from './recording-format.ts';
import { ConversationBuilder } from './recording-sessions.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * Our own recordings (recording-format.ts). Sessions are rebuilt once all lines are read: by tool
 * results, by the id of the reply they continue, by the longest list of messages they repeat, and
 * by the session ids that callers send. Retries become attempts of one call.
 */
export const recording: JsonReader = {
  kind: 'json',
  title: 'agent-infra recording',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with kind agent-infra-recording or recorded-call',
      (record) => isObject(record) && (record['kind'] === HEADER || record['kind'] === CALL),
    ),
  open: (tally: Tally) => new RecordingFold(tally),
};

const HEADER = 'agent-infra-recording';
const CALL = 'recorded-call';

/** Block size of recordings whose header is lost. */
const DEFAULT_BLOCK_TOKENS = 128;

class RecordingFold implements JsonFold {
  readonly #tally: Tally;
  readonly #calls: { readonly call: RecordedCall; readonly blockTokens: number }[] = [];
  #blockTokens = DEFAULT_BLOCK_TOKENS;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(): void {
    this.#blockTokens = DEFAULT_BLOCK_TOKENS;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    if (isObject(value) && value['kind'] === HEADER) {
      this.#blockTokens = amountOf(value['blockTokens']) ?? DEFAULT_BLOCK_TOKENS;
      this.#tally.used();
      return;
    }
    const call = isObject(value) && value['kind'] === CALL ? recordedCall(value) : undefined;
    if (call === undefined) {
      this.#tally.skip('line is no recorded call', place);
      return;
    }
    this.#tally.used();
    this.#calls.push({ call, blockTokens: this.#blockTokens });
  }

  end(): void {
    const builder = new ConversationBuilder();
    // Lines stand in the order of ends; conversations are told in the order of starts.
    const ordered = this.#calls.toSorted((a, b) => a.call.atMs - b.call.atMs);
    for (const { blockTokens, call } of ordered) builder.add(call, blockTokens);
    for (const call of builder.bareCalls) this.#tally.call(call);
    for (const session of builder.sessions()) this.#tally.session(session);
  }
}

/** A line as a call with every field checked; undefined when times or request are missing. */
function recordedCall(line: JsonObject): RecordedCall | undefined {
  const atMs = numberOf(line['atMs']);
  const endMs = amountOf(line['endMs']);
  const request = objectOf(line['request']);
  const hash = textOf(request['hash']);
  if (atMs === undefined || endMs === undefined || hash === undefined) return undefined;
  const outcome = OUTCOMES.find((word) => word === line['outcome']);
  const endpoint = ENDPOINTS.find((word) => word === line['endpoint']);
  if (outcome === undefined || endpoint === undefined) return undefined;
  const tokens = tokenRecord(line['tokens']);
  const basis = line['tokensBasis'] === 'estimated' ? 'estimated' : 'reported';
  return {
    kind: CALL,
    atMs,
    endMs,
    sentMs: amountOf(line['sentMs']) ?? 0,
    firstTokenMs: amountOf(line['firstTokenMs']),
    provider: line['provider'] === 'anthropic' ? 'anthropic' : 'openai',
    endpoint,
    requestedModel: textOf(line['requestedModel']),
    servedModel: textOf(line['servedModel']),
    stream: line['stream'] === true,
    status: amountOf(line['status']),
    outcome,
    error: textOf(line['error']),
    tokens,
    tokensBasis: tokens === undefined ? 'missing' : basis,
    finishReason: textOf(line['finishReason']),
    retryCount: amountOf(line['retryCount']),
    requestBytes: amountOf(line['requestBytes']) ?? 0,
    responseBytes: amountOf(line['responseBytes']) ?? 0,
    replyId: textOf(line['replyId']),
    request: {
      hash,
      tools: amountOf(request['tools']) ?? 0,
      toolsHash: textOf(request['toolsHash']),
      systemHash: textOf(request['systemHash']),
      roles: textOf(request['roles']) ?? '',
      chain: texts(request['chain']),
      lengths: [],
      prefix: texts(request['prefix']),
      toolResults: listOf(request['toolResults'])
        .filter(isObject)
        .map((result) => ({
          id: textOf(result['id']) ?? '',
          length: amountOf(result['length']) ?? 0,
          isError: result['isError'] === true ? true : undefined,
        })),
      ids: {
        session: textOf(objectOf(request['ids'])['session']),
        previousReply: textOf(objectOf(request['ids'])['previousReply']),
        user: textOf(objectOf(request['ids'])['user']),
        agent: textOf(objectOf(request['ids'])['agent']),
        parentAgent: textOf(objectOf(request['ids'])['parentAgent']),
      } as RecordedCall['request']['ids'],
    },
    toolCalls: listOf(line['toolCalls'])
      .filter(isObject)
      .map((call) => ({
        id: textOf(call['id']) ?? '',
        name: textOf(call['name']) ?? 'unknown',
        argumentsHash: textOf(call['argumentsHash']) ?? '',
        argumentsLength: amountOf(call['argumentsLength']) ?? 0,
      })),
  };
}

function tokenRecord(value: unknown): TokenRecord | undefined {
  if (!isObject(value)) return undefined;
  const tokens: Record<string, number> = {};
  for (const field of Object.keys(NO_TOKENS)) {
    const amount = amountOf(value[field]);
    if (amount === undefined) return undefined;
    tokens[field] = amount;
  }
  // Reasoning is a part of the output; a damaged line may claim otherwise.
  tokens['reasoning'] = Math.min(tokens['reasoning']!, tokens['output']!);
  return tokens as unknown as TokenRecord;
}

function texts(value: unknown): string[] {
  return listOf(value).filter((entry) => typeof entry === 'string');
}

const OUTCOMES: readonly RecordedOutcome[] = [
  'complete',
  'http-error',
  'in-band-error',
  'truncated',
  'malformed',
  'cancelled',
  'no-answer',
];
const ENDPOINTS: readonly RecordedCall['endpoint'][] = [
  'chat',
  'responses',
  'messages',
  'embeddings',
];
