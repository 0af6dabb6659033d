import { K6_KEY_VARIABLE } from './k6-environment.ts';

/** Second part of the k6 script: bodies, headers, replies, retries and waiting. */
export const WIRE_CODE = `function requestBody(step) {
  const content = ([role, tokens, offset, marker]) => ({ role, content: text(tokens, offset, marker) });
  if (test.dialect === 'openai') {
    return {
      model: step.model,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: step.outputTokens,
      messages: step.messages.map(content),
    };
  }
  const system = step.messages.filter(([role]) => role === 'system').map(content);
  return {
    model: step.model,
    stream: true,
    max_tokens: step.outputTokens,
    ...(system.length === 0 ? {} : { system: system.map((message) => message.content).join('\\n') }),
    messages: step.messages.filter(([role]) => role !== 'system').map(content),
  };
}

/** Four characters per token, less the four tokens that frame a message. */
function text(tokens, offset, marker) {
  const characters = Math.max(1, tokens - 4) * 4;
  if (!marker) return slice(characters, offset);
  return marker + ' ' + slice(Math.max(0, characters - marker.length - 1), offset);
}

function slice(characters, offset) {
  let result = '';
  let at = (offset * 4) % filler.length;
  for (let left = characters; left > 0; at = 0) {
    const part = filler.slice(at, at + left);
    result += part;
    left -= part.length;
  }
  return result;
}

function headers(session, turn, call, attempt) {
  const key = __ENV.${K6_KEY_VARIABLE};
  const auth = test.dialect === 'openai' ? { authorization: 'Bearer ' + key } : { 'x-api-key': key };
  return {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    ...(test.dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}),
    ...(key ? auth : {}),
    'x-stainless-retry-count': String(attempt - 1),
    'x-session-id': String(session),
    'x-client-request-id': [session, turn, call, attempt].join('.'),
  };
}

/** How the stream ended and what it says it used: a 200 alone is no success. */
function readReply(response) {
  if (response.status === 0) {
    return { outcome: 'failed', error: response.error_code === 1050 ? 'timeout' : 'k6-' + response.error_code };
  }
  if (response.status >= 300) return { outcome: 'failed', error: 'http-' + response.status };
  const type = response.headers['Content-Type'] || '';
  if (!type.includes('text/event-stream')) return { outcome: 'failed', error: 'not-a-stream' };
  const body = response.body || '';
  const usage = {};
  for (const line of body.split(/\\r\\n|\\r|\\n/)) {
    if (!line.startsWith('data:')) continue;
    if (line.includes('"error"') && !line.includes('"choices"')) {
      return { outcome: 'failed', error: 'in-stream-error' };
    }
    if (line.includes('"usage"')) addUsage(usage, line.slice(5));
  }
  const terminal = test.dialect === 'openai' ? '[DONE]' : '"message_stop"';
  if (!body.includes(terminal)) return { outcome: 'truncated', error: 'truncated' };
  return { outcome: 'ok', ...usage };
}

function addUsage(usage, data) {
  const event = JSON.parse(data);
  const found = event.usage || (event.message && event.message.usage);
  if (!found) return;
  const { input_tokens, output_tokens, prompt_tokens, completion_tokens } = found;
  if (prompt_tokens !== undefined) {
    usage.input = prompt_tokens;
    usage.cacheRead = (found.prompt_tokens_details || {}).cached_tokens || 0;
    usage.reasoning = (found.completion_tokens_details || {}).reasoning_tokens || 0;
  } else if (input_tokens !== undefined) {
    // Anthropic counts cached input beside the rest.
    usage.cacheRead = found.cache_read_input_tokens || 0;
    usage.input = input_tokens + usage.cacheRead + (found.cache_creation_input_tokens || 0);
    usage.reasoning = 0;
  }
  const output = completion_tokens === undefined ? output_tokens : completion_tokens;
  if (output !== undefined) usage.output = output;
}

/** The SDKs' rule: which answers are tried again and after how long; undefined gives up. */
function retryDelay(response, attempt) {
  const { retry } = test;
  const { status } = response;
  if (retry === 'none' || attempt > 2 || (status >= 200 && status < 300)) return undefined;
  const should = response.headers['X-Should-Retry'];
  const retried = status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
  if (should === 'false' || (should !== 'true' && !retried)) return undefined;
  if (retry === 'immediate') return 0;
  const hint = Number(response.headers['Retry-After-Ms'] || NaN);
  const hintMs = hint > 0 ? hint : Number(response.headers['Retry-After'] || NaN) * 1000;
  const cap = retry === 'openai-js-7' || retry === 'python' ? 60000 : Infinity;
  if (hintMs >= 0 && hintMs <= cap) return hintMs;
  return Math.min(500 * 2 ** (attempt - 1), 8000) * (1 - 0.25 * Math.random());
}

function isCall(step) {
  return step.waitMs === undefined;
}

function now() {
  return Date.now() - exec.scenario.startTime;
}

async function until(at) {
  if (at > now()) await wait(at - now());
}

function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function round(ms) {
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}

function print(sample) {
  console.log(JSON.stringify(sample));
}
`;
