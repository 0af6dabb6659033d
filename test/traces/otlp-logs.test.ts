import { describe, expect, test } from 'vitest';

import { allCalls, collectText, toolsOf, type Collected } from './collected.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

const START_SECONDS = 1_790_000_000;
const nanos = (second: number): string => `${(START_SECONDS + second) * 1000}000000`;

const attributesOf = (attributes: Attributes): readonly object[] =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'number'
        ? { intValue: String(value) }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { stringValue: value },
  }));

const log = (
  second: number,
  name: string,
  attributes: Attributes = {},
  ids: object = {},
): object => ({
  timeUnixNano: nanos(second),
  body: { stringValue: name },
  attributes: attributesOf({ 'event.name': name.replace('claude_code.', ''), ...attributes }),
  ...ids,
});

const logs = (...records: readonly object[]): string =>
  `${JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: attributesOf({ 'service.name': 'agent' }) },
        scopeLogs: [{ scope: {}, logRecords: records }],
      },
    ],
  })}\n`;

const spans = (...list: readonly object[]): string =>
  `${JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans: list }] }] })}\n`;

const claude = { 'session.id': 's1' };
const request = (second: number, id: string, attributes: Attributes = {}): object =>
  log(second, 'claude_code.api_request', {
    ...claude,
    model: 'claude-opus-5',
    input_tokens: 2,
    output_tokens: 120,
    cache_read_tokens: 9000,
    cache_creation_tokens: 500,
    duration_ms: 3000,
    request_id: id,
    ...attributes,
  });
const llmSpan = (requestId: string): object => ({
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'a000000000000001',
  name: 'claude_code.llm_request',
  startTimeUnixNano: nanos(2),
  endTimeUnixNano: nanos(5),
  attributes: attributesOf({
    ...claude,
    model: 'claude-opus-5',
    input_tokens: 2,
    output_tokens: 120,
    request_id: requestId,
  }),
});

const seconds = (found: Collected): unknown[] =>
  allCalls(found).map(({ startMs, endMs }) => [
    startMs / 1000 - START_SECONDS,
    endMs === undefined ? undefined : endMs / 1000 - START_SECONDS,
  ]);

describe('Claude Code', () => {
  test('requests, tools and turns; input excludes cache', async () => {
    const found = await collectText(
      logs(
        log(1, 'claude_code.user_prompt', { ...claude, prompt_length: 7 }),
        request(5, 'r1'),
        log(7, 'claude_code.tool_result', {
          ...claude,
          tool_name: 'Bash',
          duration_ms: 1500,
          success: 'false',
        }),
        log(6, 'claude_code.tool_decision', { ...claude, decision: 'accept' }),
        request(11, 'r2', { attempt: 2 }),
        log(20, 'claude_code.user_prompt', claude),
        log(22, 'claude_code.api_error', {
          ...claude,
          status_code: 529,
          duration_ms: 900,
          model: 'm',
        }),
      ),
    );
    expect(found.format).toBe('otlp');
    expect(found.records).toEqual({ read: 7, used: 7, skipped: 0, duplicates: 0 });
    expect(found.sessions).toMatchObject([{ id: 's1', agent: 'agent' }]);
    expect(found.sessions[0]!.turns.map(({ steps }) => steps.map(({ kind }) => kind))).toEqual([
      ['llm', 'tool', 'llm'],
      ['llm'],
    ]);
    const [first, second, failed] = allCalls(found);
    expect(first!.tokens).toEqual({
      uncached: 2,
      cacheRead: 9000,
      cacheWrite5m: 500,
      cacheWrite1h: 0,
      output: 120,
      reasoning: 0,
    });
    expect(seconds(found)[0]).toEqual([2, 5]);
    expect(second!.attempts).toHaveLength(2);
    expect(failed).toMatchObject({ error: '529', tokensBasis: 'missing' });
    expect(toolsOf(found)).toMatchObject([
      { name: 'Bash', durationMs: 1500, error: true, after: ['1'] },
    ]);
  });

  test.for([
    { why: 'the span before the log', order: (span: string, record: string) => span + record },
    { why: 'the log before the span', order: (span: string, record: string) => record + span },
  ])('a request that has a span is counted once: $why', async ({ order }) => {
    const found = await collectText(
      order(spans(llmSpan('r1')), logs(request(5, 'r1'), request(9, 'r2'))),
    );
    expect(allCalls(found)).toHaveLength(2);
    expect(found.duplicates).toEqual({ 'request is also given as a span': 1 });
    expect(found.records).toEqual({ read: 3, used: 2, skipped: 0, duplicates: 1 });
  });

  test('a record without a request id belongs to the spans of its session', async () => {
    const bare = log(5, 'claude_code.api_request', {
      ...claude,
      input_tokens: 2,
      output_tokens: 1,
    });
    const tool = log(6, 'claude_code.tool_result', { ...claude, tool_name: 'Bash' });
    const found = await collectText(spans(llmSpan('r1')) + logs(bare, tool));
    expect(allCalls(found)).toHaveLength(1);
    expect(found.records.duplicates).toBe(2);
  });

  test('a batch that was sent twice', async () => {
    const found = await collectText(logs(request(5, 'r1')) + logs(request(5, 'r1')));
    expect(allCalls(found)).toHaveLength(1);
    expect(found.duplicates).toEqual({ 'request was logged more than once': 1 });
  });
});

describe('Codex', () => {
  const codex = { 'conversation.id': 'c1', model: 'gpt-5.1' };
  const completed = (second: number, attributes: Attributes = {}): object =>
    log(second, 'codex.sse_event', {
      ...codex,
      'event.kind': 'response.completed',
      input_token_count: '1000',
      cached_token_count: '600',
      output_token_count: '90',
      reasoning_token_count: '40',
      ...attributes,
    });
  const asked = (second: number, durationMs: number, attributes: Attributes = {}): object =>
    log(second, 'codex.api_request', { ...codex, duration_ms: durationMs, ...attributes });

  test('usage of response.completed, start of the request, input includes cached', async () => {
    const found = await collectText(
      logs(
        log(0, 'codex.conversation_starts', codex),
        log(1, 'codex.user_prompt', codex),
        asked(2, 500, { 'http.response.status_code': 200 }),
        log(3, 'codex.sse_event', { ...codex, 'event.kind': 'response.output_item.done' }),
        completed(6),
        log(8, 'codex.tool_result', {
          ...codex,
          tool_name: 'shell',
          duration_ms: 2000,
          success: 'true',
        }),
        completed(9),
      ),
    );
    expect(allCalls(found)[0]!.tokens).toMatchObject({
      uncached: 400,
      cacheRead: 600,
      output: 90,
      reasoning: 40,
    });
    // The second call has no request of its own: when it began is unknown.
    expect(seconds(found)).toEqual([
      [1.5, 6],
      [9, undefined],
    ]);
    expect(toolsOf(found)).toMatchObject([{ name: 'shell', durationMs: 2000, error: undefined }]);
  });

  test('failed tries are attempts of the call, or a failed call when none succeeds', async () => {
    const busy = { 'http.response.status_code': 429 };
    const found = await collectText(
      logs(
        log(1, 'codex.user_prompt', codex),
        asked(2, 100, busy),
        asked(4, 100),
        completed(6),
        log(10, 'codex.user_prompt', codex),
        asked(11, 100, busy),
      ),
    );
    expect(allCalls(found).map(({ attempts, error }) => [attempts.length, error])).toEqual([
      [2, undefined],
      [1, '429'],
    ]);
  });

  test('an answer that was broken off does not begin the next call', async () => {
    const found = await collectText(logs(asked(2, 100), asked(60, 1000), completed(62)));
    expect(seconds(found)).toEqual([[59, 62]]);
  });
});

test('Gemini CLI: thoughts are output, beside the candidates', async () => {
  const found = await collectText(
    logs(
      log(1, 'gemini_cli.user_prompt', { 'session.id': 'g1' }),
      log(4, 'gemini_cli.api_response', {
        'session.id': 'g1',
        model: 'gemini-3-pro',
        duration_ms: 2500,
        input_token_count: 800,
        cached_content_token_count: 300,
        output_token_count: 50,
        thoughts_token_count: 20,
      }),
    ),
  );
  expect(allCalls(found)).toMatchObject([
    { model: 'gemini-3-pro', tokens: { uncached: 500, cacheRead: 300, output: 70, reasoning: 20 } },
  ]);
});

test('a log without sessions gives single calls', async () => {
  const { 'session.id': _, ...attributes } = { ...claude, input_tokens: 2, output_tokens: 3 };
  const found = await collectText(logs(log(5, 'claude_code.api_request', attributes)));
  expect([found.calls.length, found.sessions.length]).toEqual([1, 0]);
});

test('metrics are counted and left out; other log records and lost times too', async () => {
  const metrics = JSON.stringify({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'claude_code.token.usage' }, {}] }] }],
  });
  const { timeUnixNano: _, ...timeless } = request(1, 'r0') as { timeUnixNano: string };
  const found = await collectText(
    `${metrics}\n${logs(request(5, 'r1'), log(6, 'GET /health'), timeless, { body: 7 })}`,
  );
  expect(found.records).toEqual({ read: 6, used: 1, skipped: 5, duplicates: 0 });
  expect(new Set(found.skips.map(([reason]) => reason))).toEqual(
    new Set([
      'OTLP metrics are sums over calls, not calls',
      'log record is no event of a known agent',
      'log record has no time',
    ]),
  );
});
