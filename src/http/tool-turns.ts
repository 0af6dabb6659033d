import type { ApiError } from './dialect.ts';
import { listOf, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { invalidRequest } from './openai-error.ts';

/**
 * Chat: each tool call is answered by a tool message before the conversation goes on, and each tool
 * message answers one. An agent that loses either half gets this 400 from the real API.
 */
export function checkChatTurns(messages: readonly Json[]): ApiError | undefined {
  let open = new Set<string>();
  let callsAt = 0;
  for (const [index, message] of messages.entries()) {
    if (message['role'] === 'tool') {
      if (open.delete(String(message['tool_call_id']))) continue;
      return invalidRequest(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        `messages.[${index}].role`,
      );
    }
    if (open.size > 0) return unansweredChat(open, callsAt);
    open = new Set(recordsOf(message['tool_calls']).flatMap(({ id }) => stringOf(id) ?? []));
    callsAt = index;
  }
  return open.size > 0 ? unansweredChat(open, callsAt) : undefined;
}

function unansweredChat(ids: ReadonlySet<string>, index: number): ApiError {
  return invalidRequest(
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...ids].join(', ')}`,
    `messages.[${index}].role`,
  );
}

/**
 * Responses: calls and outputs pair up within `input`, in any order but the call first. With a
 * stored conversation the call of an output may stand there, which is not read here.
 */
export function checkResponsesTurns(body: Json): ApiError | undefined {
  const items = recordsOf(body['input']);
  const calls = new Set<string>();
  const open = new Set<string>();
  const hasEarlier = body['previous_response_id'] != null || body['conversation'] != null;
  for (const item of items) {
    const id = String(item['call_id']);
    const type = stringOf(item['type']) ?? '';
    if (CALLS.has(type)) {
      calls.add(id);
      open.add(id);
    } else if (OUTPUTS.has(type)) {
      if (!calls.has(id) && !hasEarlier) {
        const message = `No tool call found for function call output with call_id ${id}.`;
        return invalidRequest(message, 'input');
      }
      open.delete(id);
    }
  }
  const [missing] = open;
  if (missing === undefined) return undefined;
  return invalidRequest(`No tool output found for function call ${missing}.`, 'input');
}

const CALLS: ReadonlySet<string> = new Set(['function_call', 'custom_tool_call']);
const OUTPUTS: ReadonlySet<string> = new Set(['function_call_output', 'custom_tool_call_output']);

/**
 * Messages: the message after one with tool_use blocks starts with a tool_result for each, and
 * every tool_result answers a tool_use of the message before. The text of the 400, or undefined.
 */
export function checkMessagesTurns(messages: readonly Json[]): string | undefined {
  let uses: readonly string[] = [];
  for (const [index, message] of messages.entries()) {
    const blocks = listOf(message['content']).map((block) => recordOf(block) ?? {});
    const answered = new Set<string>();
    for (const [at, block] of blocks.entries()) {
      if (block['type'] !== 'tool_result') continue;
      const id = String(block['tool_use_id']);
      if (!uses.includes(id)) {
        return `messages.${index}.content.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
      }
      answered.add(id);
    }
    const missing = uses.filter((id) => !answered.has(id));
    if (missing.length > 0) return unansweredMessages(missing, index - 1);
    uses = blocks.filter(({ type }) => type === 'tool_use').flatMap(({ id }) => stringOf(id) ?? []);
  }
  // An assistant turn at the end is continued by the model, not answered.
  return undefined;
}

function unansweredMessages(ids: readonly string[], index: number): string {
  return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`;
}
