import { expect, test } from 'vitest';

import {
  checkChatTurns,
  checkMessagesTurns,
  checkResponsesTurns,
} from '../../src/http/tool-turns.ts';

const user = { role: 'user', content: 'hi' };

const chatCalls = (...ids: string[]): Record<string, unknown> => ({
  role: 'assistant',
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
});
const chatResult = (id: string): Record<string, unknown> => ({ role: 'tool', tool_call_id: id });

test.for([
  { why: 'no tools at all', messages: [user], param: undefined },
  {
    why: 'parallel calls, answered in another order',
    messages: [user, chatCalls('a', 'b'), chatResult('b'), chatResult('a'), user],
    param: undefined,
  },
  {
    why: 'one of two answered',
    messages: [user, chatCalls('a', 'b'), chatResult('b'), user],
    param: 'messages.[1].role',
  },
  {
    why: 'the last call is not answered',
    messages: [user, chatCalls('a')],
    param: 'messages.[1].role',
  },
  { why: 'a result without a call', messages: [user, chatResult('a')], param: 'messages.[1].role' },
  {
    why: 'a result of another call',
    messages: [user, chatCalls('a'), chatResult('x')],
    param: 'messages.[2].role',
  },
  {
    why: 'two results of one call',
    messages: [user, chatCalls('a'), chatResult('a'), chatResult('a')],
    param: 'messages.[3].role',
  },
  {
    why: 'a result that comes after the user spoke',
    messages: [chatCalls('a'), user, chatResult('a')],
    param: 'messages.[0].role',
  },
])('chat: $why', ({ messages, param }) => {
  expect(checkChatTurns(messages)?.param).toBe(param);
});

test('chat: the answer names the calls that lack one', () => {
  expect(checkChatTurns([chatCalls('call_1', 'call_2'), user])).toMatchObject({
    status: 400,
    type: 'invalid_request_error',
    message:
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1, call_2",
  });
});

const call = (id: string): object => ({ type: 'function_call', call_id: id, name: 'f' });
const output = (id: string): object => ({ type: 'function_call_output', call_id: id, output: '' });

test.for([
  { why: 'a string', body: { input: 'hi' }, message: undefined },
  {
    why: 'calls, then outputs',
    body: { input: [call('a'), call('b'), output('b'), output('a')] },
    message: undefined,
  },
  {
    why: 'an output that is missing',
    body: { input: [call('a'), user] },
    message: 'No tool output found for function call a.',
  },
  {
    why: 'an output before its call',
    body: { input: [output('a'), call('a')] },
    message: 'No tool call found for function call output with call_id a.',
  },
  {
    why: 'the call is in the stored conversation',
    body: { input: [output('a')], previous_response_id: 'resp_1' },
    message: undefined,
  },
])('responses: $why', ({ body, message }) => {
  expect(checkResponsesTurns(body)?.message).toBe(message);
});

const use = (...ids: string[]): Record<string, unknown> => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool_use', id, name: 'f', input: {} })),
});
const results = (...ids: string[]): Record<string, unknown> => ({
  role: 'user',
  content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id })),
});

test.for([
  {
    why: 'parallel uses, answered together',
    messages: [user, use('a', 'b'), results('b', 'a')],
    starts: '',
  },
  {
    why: 'one of two answered',
    messages: [user, use('a', 'b'), results('a')],
    starts:
      'messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b.',
  },
  {
    why: 'the user spoke instead',
    messages: [use('a'), user],
    starts: 'messages.0: `tool_use` ids',
  },
  {
    why: 'a result without its use',
    messages: [user, results('a')],
    starts: 'messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a.',
  },
  {
    why: 'a result of an earlier message',
    messages: [use('a'), results('a'), user, results('a')],
    starts: 'messages.3.content.0: unexpected',
  },
  {
    why: 'an assistant turn at the end is continued',
    messages: [user, use('a')],
    starts: '',
  },
])('messages: $why', ({ messages, starts }) => {
  const message = checkMessagesTurns(messages) ?? '';
  expect(message === '').toBe(starts === '');
  expect(message.slice(0, starts.length)).toBe(starts);
});
