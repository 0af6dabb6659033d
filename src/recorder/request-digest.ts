import type { IncomingHttpHeaders } from 'node:http';

import type { Dialect } from '../http/dialect.ts';
import { countOf, isRecord, listOf, recordOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import { CHARACTERS_PER_TOKEN } from '../http/dialect-prompt.ts';
import { dialects } from '../http/dialects.ts';
import type { RecordedId, RecordedRequest } from '../traces/recording-format.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { messageShapes } from './message-shape.ts';

/** OpenAI's prompt cache works in steps of 128 tokens; finer blocks would only cost space. */
export const BLOCK_TOKENS = 128;
export const BLOCK_CHARACTERS = BLOCK_TOKENS * CHARACTERS_PER_TOKEN;

/**
 * A request without its content.
 * @param parsed the body as JSON; undefined when it is none
 */
export function digestRequest(
  raw: Uint8Array,
  parsed: Json | undefined,
  dialect: Dialect | undefined,
  headers: IncomingHttpHeaders,
  hash: KeyedHash,
): RecordedRequest {
  const body = parsed ?? {};
  const messages = dialect === undefined ? [] : messageShapes(dialect, body);
  const chain: string[] = [];
  for (const { text } of messages) chain.push(hash.chained(chain.at(-1) ?? '', text));
  const lastReply = messages.findLastIndex(({ role }) => role === 'a');
  const delivered = messages.slice(lastReply + 1).flatMap(({ toolResults }) => toolResults);
  const tools = listOf(body['tools']);
  const system = body['system'] ?? body['instructions'];
  return {
    hash: hash.of(Buffer.from(raw).toString('latin1')),
    outputCap: largestCap(body),
    tools: tools.length,
    toolsHash: tools.length === 0 ? undefined : hash.of(JSON.stringify(tools)),
    systemHash: system === undefined ? undefined : hash.of(JSON.stringify(system)),
    roles: messages.map(({ role }) => role).join(''),
    chain,
    lengths: messages.map(({ text }) => text.length),
    prefix: dialect === undefined ? [] : prefixBlocks(dialect, body, hash),
    toolResults: delivered.map(({ id, isError, length }) => ({
      id: hash.of(id),
      length,
      isError: isError ? true : undefined,
    })),
    ids: callerIds(body, headers, hash),
  };
}

/** Chained hashes of the prompt in blocks; the last block is what is left over. */
function prefixBlocks(dialect: Dialect, body: Json, hash: KeyedHash): string[] {
  const text = dialects[dialect]
    .prompt(body)
    .map((part) => part.text)
    .join('');
  const blocks: string[] = [];
  for (let start = 0; start < text.length; start += BLOCK_CHARACTERS) {
    blocks.push(hash.chained(blocks.at(-1) ?? '', text.slice(start, start + BLOCK_CHARACTERS)));
  }
  return blocks;
}

function largestCap(body: Json): number | undefined {
  const caps = [body['max_tokens'], body['max_completion_tokens'], body['max_output_tokens']]
    .map(countOf)
    .filter((cap) => cap !== undefined);
  return caps.length === 0 ? undefined : Math.max(...caps);
}

/** Headers of coding agents that name a session. */
const SESSION_HEADERS = [
  'x-claude-code-session-id',
  'x-claude-code-session',
  'x-session-id',
  'session_id',
  'session-id',
];

function callerIds(
  body: Json,
  headers: IncomingHttpHeaders,
  hash: KeyedHash,
): Partial<Record<RecordedId, string>> | undefined {
  const metadata = recordOf(body['metadata']);
  const user = stringOf(metadata?.['user_id']) ?? stringOf(body['user']);
  const conversation = body['conversation'];
  const found: Partial<Record<RecordedId, string | undefined>> = {
    session:
      SESSION_HEADERS.map((name) => headers[name]).find((value) => typeof value === 'string') ??
      sessionOfUser(user) ??
      stringOf(conversation) ??
      (isRecord(conversation) ? stringOf(conversation['id']) : undefined),
    previousReply: stringOf(body['previous_response_id']),
    agent: stringOf(headers['x-claude-code-agent-id']),
    parentAgent: stringOf(headers['x-claude-code-parent-agent-id']),
    user,
    cacheKey: stringOf(body['prompt_cache_key']),
  };
  const ids: Partial<Record<RecordedId, string>> = {};
  for (const name of Object.keys(found) as RecordedId[]) {
    const value = found[name];
    if (value !== undefined && value !== '') ids[name] = hash.of(value);
  }
  return Object.keys(ids).length === 0 ? undefined : ids;
}

/** Claude Code puts `user_<hash>_account_<uuid>_session_<uuid>` into metadata.user_id. */
function sessionOfUser(user: string | undefined): string | undefined {
  return /_session_([\da-f-]{8,})$/i.exec(user ?? '')?.[1];
}
