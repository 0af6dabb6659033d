import type { AskPrint } from '../core/trace.ts';
import { argumentsHash } from './argument-hash.ts';
import { askPrint } from './ask-print.ts';
import { amountOf, isObject, numberOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import {
  opencodeTokens,
  opencodeVersion,
  type OpencodeTokens,
  type OpencodeVersion,
} from './opencode-tokens.ts';
import { recordedCost } from './recorded-cost.ts';
import { timeMs } from './timestamp.ts';

/** What is kept of a stored object: ids, times and counts, never its texts. */
export type OpencodeRecord = SessionRecord | MessageRecord | FoundPart;

interface FoundPart {
  readonly kind: 'part';
  readonly messageId: string;
  readonly part: PartRecord;
}

/** `storage/session/<project>/<session>.json`, `info` of an export. */
export interface SessionRecord {
  readonly kind: 'session';
  readonly id: string;
  /** The session whose task tool started it. */
  readonly parentId: string | undefined;
  readonly createdMs: number;
  readonly version: OpencodeVersion | undefined;
}

/** `storage/message/<session>/<message>.json`. */
export interface MessageRecord {
  readonly kind: 'message';
  readonly id: string;
  readonly sessionId: string;
  readonly role: 'user' | 'assistant';
  readonly createdMs: number;
  readonly completedMs: number | undefined;
  /** End of the answer and its first token, which only version 2 stores. */
  readonly streamedMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly agent: string | undefined;
  /** Those of the last step. */
  readonly tokens: OpencodeTokens | undefined;
  readonly costUsd: number | undefined;
  readonly finish: string | undefined;
  readonly error: string | undefined;
  readonly status: number | undefined;
  /** Only parts of it were printed: a call whose start is not known. */
  readonly isImplied: boolean;
}

/** `storage/part/<message>/<part>.json`; kept by message, and by the hundred thousand. */
export interface PartRecord {
  readonly id: string | undefined;
  readonly type: string;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  readonly tool: ToolPart | undefined;
  /** What a step-finish says. */
  readonly step: StepPart | undefined;
  /** Status that a failed try ended with. */
  readonly retryStatus: number | undefined;
  /** Fingerprint of a text that is not opencode's own. */
  readonly typed: AskPrint | undefined;
}

interface ToolPart {
  readonly name: string;
  readonly argumentsHash: string | undefined;
  readonly status: string | undefined;
  /** Session of the sub-agent that a task tool started. */
  readonly childId: string | undefined;
}

interface StepPart {
  readonly reason: string | undefined;
  readonly tokens: OpencodeTokens | undefined;
  readonly costUsd: number | undefined;
}

/**
 * Undefined for what is neither session nor message nor part, or has no time where it must.
 * @param isAnswer whether a message is known to be the model's: its texts need no fingerprint
 */
export function opencodeRecord(
  value: unknown,
  isAnswer: (messageId: string) => boolean = () => false,
): OpencodeRecord | undefined {
  if (!isObject(value)) return undefined;
  const sessionId = textOf(value['sessionID']);
  if (sessionId === undefined) return sessionRecord(value);
  return textOf(value['messageID']) === undefined
    ? messageRecord(value, sessionId)
    : partRecord(value, isAnswer);
}

function sessionRecord(value: JsonObject): SessionRecord | undefined {
  const id = textOf(value['id']);
  const createdMs = clockMs(objectOf(value['time'])['created']);
  const isFirst = typeof value['title'] === 'string' && typeof value['version'] === 'string';
  // Version 2 exports no version.
  const isSession = isFirst || (isObject(value['location']) && isObject(value['tokens']));
  if (!isSession || id === undefined || createdMs === undefined) return undefined;
  const parentId = textOf(value['parentID']);
  return { kind: 'session', id, parentId, createdMs, version: opencodeVersion(value['version']) };
}

function messageRecord(value: JsonObject, sessionId: string): MessageRecord | undefined {
  const { role } = value;
  const id = textOf(value['id']);
  const time = objectOf(value['time']);
  const createdMs = clockMs(time['created']);
  const isMessage = role === 'user' || role === 'assistant';
  if (!isMessage || id === undefined || createdMs === undefined) return undefined;
  const error = isObject(value['error']) ? value['error'] : undefined;
  const status = amountOf(objectOf(error?.['data'])['statusCode']);
  return {
    kind: 'message',
    id,
    sessionId,
    role,
    createdMs,
    completedMs: clockMs(time['completed']),
    streamedMs: undefined,
    firstTokenMs: undefined,
    model: textOf(value['modelID']),
    provider: textOf(value['providerID']),
    agent: textOf(value['agent']) ?? textOf(value['mode']),
    tokens: opencodeTokens(value['tokens']),
    costUsd: recordedCost(value['cost']),
    finish: textOf(value['finish']),
    error: error === undefined ? undefined : (status?.toString() ?? errorName(error['name'])),
    status,
    isImplied: false,
  };
}

/** The message of which `opencode run` printed a part; undefined where it printed none. */
export function impliedMessage(event: JsonObject): MessageRecord | undefined {
  const part = objectOf(event['part']);
  const id = textOf(part['messageID']);
  const sessionId = textOf(part['sessionID']);
  const createdMs = clockMs(event['timestamp']);
  if (id === undefined || sessionId === undefined || createdMs === undefined) return undefined;
  return {
    kind: 'message',
    id,
    sessionId,
    role: 'assistant',
    createdMs,
    completedMs: undefined,
    streamedMs: undefined,
    firstTokenMs: undefined,
    model: undefined,
    provider: undefined,
    agent: undefined,
    tokens: undefined,
    costUsd: undefined,
    finish: undefined,
    error: undefined,
    status: undefined,
    isImplied: true,
  };
}

function partRecord(
  value: JsonObject,
  isAnswer: (messageId: string) => boolean,
): FoundPart | undefined {
  const type = textOf(value['type']);
  const messageId = textOf(value['messageID']);
  if (type === undefined || messageId === undefined) return undefined;
  const state = objectOf(value['state']);
  const time = objectOf(type === 'tool' ? state['time'] : value['time']);
  const error = objectOf(objectOf(value['error'])['data']);
  const part = {
    id: textOf(value['id']),
    type,
    startMs: clockMs(time['start']),
    endMs: clockMs(time['end']),
    tool: type === 'tool' ? toolPart(value, state) : undefined,
    step: type === 'step-finish' ? stepPart(value) : undefined,
    retryStatus: type === 'retry' ? amountOf(error['statusCode']) : undefined,
    typed: type !== 'text' || isAnswer(messageId) ? undefined : typedText(value),
  };
  return { kind: 'part', messageId, part };
}

function toolPart(value: JsonObject, state: JsonObject): ToolPart {
  const name = textOf(value['tool']) ?? 'tool';
  const metadata = objectOf(state['metadata']);
  return {
    name,
    argumentsHash: argumentsHash(name, state['input']),
    status: textOf(state['status']),
    childId: textOf(metadata['sessionId']) ?? textOf(metadata['sessionID']),
  };
}

function stepPart(value: JsonObject): StepPart {
  return {
    reason: textOf(value['reason']),
    tokens: opencodeTokens(value['tokens']),
    costUsd: recordedCost(value['cost']),
  };
}

/** opencode marks the texts that it adds to a user's message itself. */
function typedText(value: JsonObject): AskPrint | undefined {
  if (value['synthetic'] === true || value['ignored'] === true) return undefined;
  const text = textOf(value['text']);
  return text === undefined ? undefined : askPrint(text);
}

/** Names that opencode gives (`APIError`, `MessageAbortedError`); anything else may be content. */
export function errorName(value: unknown): string {
  const name = textOf(value) ?? '';
  return /^[\w.-]{1,40}$/.test(name) ? name : 'error';
}

/** Milliseconds since the epoch, as numbers. */
export function clockMs(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? numberOf(value) : undefined;
  return ms === undefined ? undefined : timeMs(ms);
}
