import { argumentsHash } from './argument-hash.ts';
import { askPrint } from './ask-print.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { clockMs, errorName, type MessageRecord, type PartRecord } from './opencode-record.ts';
import { opencodeTokens } from './opencode-tokens.ts';
import { recordedCost } from './recorded-cost.ts';

/** A message of opencode 2 with its parts inside; `message` is missing where no model was called. */
export interface WholeMessage {
  readonly kind: 'whole';
  readonly message: MessageRecord | undefined;
  readonly parts: readonly PartRecord[];
}

/**
 * opencode 2 stores one record per message (packages/schema/src/session-message.ts of
 * anomalyco/opencode): `type` instead of a role, the parts inside as `content`, one call each, and
 * the call that compacts as a message of its own. `streamed` is the end of the answer, before tools.
 * Undefined for what is no such message.
 */
export function wholeMessage(value: JsonObject, sessionId: string): WholeMessage | undefined {
  const type = textOf(value['type']) ?? '';
  const id = textOf(value['id']);
  const time = objectOf(value['time']);
  const createdMs = clockMs(time['created']);
  const isMessage = TYPES.has(type) && value['messageID'] === undefined;
  if (!isMessage || id === undefined || createdMs === undefined) return undefined;
  const tokens = opencodeTokens(value['tokens']);
  const isCall = type === 'assistant' || (type === 'compaction' && tokens !== undefined);
  if (!isCall && type !== 'user') return { kind: 'whole', message: undefined, parts: [] };
  const content = listOf(value['content']).filter(isObject);
  const model = objectOf(value['model']);
  const error = isObject(value['error']) ? value['error'] : undefined;
  const status = amountOf(error?.['status']);
  const message: MessageRecord = {
    kind: 'message',
    id,
    sessionId,
    role: isCall ? 'assistant' : 'user',
    createdMs,
    completedMs: clockMs(time['completed']),
    streamedMs: clockMs(time['streamed']),
    firstTokenMs: firstTokenMs(content[0]),
    model: textOf(model['id']),
    provider: textOf(model['providerID']),
    agent: textOf(value['agent']) ?? (type === 'compaction' ? type : undefined),
    tokens,
    costUsd: recordedCost(value['cost']),
    finish: textOf(value['finish']),
    error: error === undefined ? undefined : (status?.toString() ?? errorName(error['type'])),
    status,
    isImplied: false,
  };
  const parts = isCall ? answerParts(content) : [typedPart(value)];
  return { kind: 'whole', message, parts };
}

function answerParts(content: readonly JsonObject[]): readonly PartRecord[] {
  const parts = [partOf('step-start')];
  for (const item of content) {
    const type = textOf(item['type']) ?? '';
    const time = objectOf(item['time']);
    const startMs = clockMs(time['ran']) ?? clockMs(time['created']);
    const part = { ...partOf(type), startMs, endMs: clockMs(time['completed']) };
    parts.push(type === 'tool' ? { ...part, tool: toolOf(item) } : part);
  }
  return parts;
}

function toolOf(item: JsonObject): PartRecord['tool'] {
  const name = textOf(item['name']) ?? 'tool';
  const state = objectOf(item['state']);
  const childOf = (from: unknown): string | undefined => textOf(objectOf(from)['sessionID']);
  return {
    name,
    argumentsHash: argumentsHash(name, state['input']),
    status: textOf(state['status']),
    // Previews of version 2 had it in `structured`.
    childId: childOf(state['metadata']) ?? childOf(state['structured']),
  };
}

function typedPart(value: JsonObject): PartRecord {
  const text = textOf(value['text']);
  return { ...partOf('file'), typed: text === undefined ? undefined : askPrint(text) };
}

function partOf(type: string): PartRecord {
  return {
    id: undefined,
    type,
    startMs: undefined,
    endMs: undefined,
    tool: undefined,
    step: undefined,
    retryStatus: undefined,
    typed: undefined,
  };
}

/** Reasoning and tools have the time at which they began to stream; texts have none. */
function firstTokenMs(first: JsonObject | undefined): number | undefined {
  return first === undefined ? undefined : clockMs(objectOf(first['time'])['created']);
}

const TYPES = new Set([
  'user',
  'assistant',
  'compaction',
  'idle',
  'system',
  'synthetic',
  'skill',
  'shell',
  'agent-switched',
  'model-switched',
  'location-switched',
]);
