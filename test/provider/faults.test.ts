import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ProviderConfigInput } from '../../src/config/provider.ts';
import type { Framing } from '../../src/config/provider-fault.ts';
import type { Dialect } from '../../src/http/dialect.ts';
import { replyOutcome } from '../../src/http/read-stream.ts';
import { VirtualProvider, config } from './virtual-provider.ts';
import type { Sent } from './virtual-provider.ts';

type FaultInput = NonNullable<ProviderConfigInput['faults']>[number];

const DIALECTS: readonly Dialect[] = ['openai-chat', 'openai-responses', 'anthropic-messages'];

function request(dialect: Dialect, stream: boolean): Record<string, unknown> {
  const message = { role: 'user', content: 'hello' };
  const cap = { max_tokens: 10, max_output_tokens: 10 };
  return dialect === 'openai-responses'
    ? { input: [message], ...cap, stream }
    : { messages: [message], ...cap, stream };
}

function faulty(...faults: FaultInput[]): VirtualProvider {
  return new VirtualProvider(config({ output: { tokens: 'max' } }, { faults, overrides: 'all' }));
}

function frames(text: string): readonly string[] {
  return text.split(/(?<=\n\n)/u).map((frame) => frame.replace(/"created(?:_at)?":\d+,/, ''));
}

async function struck(fault: FaultInput, dialect: Dialect, stream: boolean): Promise<Sent> {
  const provider = faulty(fault);
  const sent = provider.send(request(dialect, stream), { dialect });
  await provider.clock.run(60_000);
  return sent;
}

describe.each(DIALECTS)('%s: what a client sees of each fault', (dialect) => {
  test('status: the dialect’s error body, retry headers as given', async () => {
    const { reply, closings, record } = await struck(
      {
        kind: 'status',
        status: 429,
        retryAfter: '2s',
        retryAfterMs: '1500ms',
        shouldRetry: false,
        name: 'storm',
      },
      dialect,
      true,
    );
    expect(reply.status).toBe(429);
    expect(reply.headers).toMatchObject({
      'retry-after': '2',
      'retry-after-ms': '1500',
      'x-should-retry': 'false',
    });
    expect(reply.read(dialect).error?.message).toBeTruthy();
    expect(closings).toEqual(['fault']);
    expect(record.fault).toBe('storm');
  });

  test.for([
    { why: 'as a date', skew: undefined, told: 'Thu, 01 Jan 2026 00:00:05 GMT' },
    { why: 'by a clock that is behind', skew: '1m', told: 'Wed, 31 Dec 2025 23:59:05 GMT' },
  ])('retry-after $why', async ({ skew, told }) => {
    const { reply } = await struck(
      {
        kind: 'status',
        status: 503,
        retryAfter: '5s',
        retryAfterForm: 'date',
        ...(skew === undefined ? {} : { retryAfterSkew: skew }),
      },
      dialect,
      false,
    );
    expect(reply.headers['retry-after']).toBe(told);
  });

  test.for([
    {
      why: 'an in-band error after three tokens',
      fault: { kind: 'error-event', afterTokens: 3, status: 529, message: 'Overloaded' },
      outcome: 'in-band-error',
      length: 12,
    },
    {
      why: 'a clean end without terminal',
      fault: { kind: 'truncate', afterTokens: 3 },
      outcome: 'truncated',
      length: 12,
    },
    {
      why: 'a frame that is no JSON: its token is lost',
      fault: { kind: 'malformed-json', afterTokens: 3 },
      outcome: 'malformed',
      length: 36,
    },
  ] as const)('$why', async ({ fault, outcome, length }) => {
    const { reply, closings } = await struck(fault, dialect, true);
    expect(reply.status).toBe(200);
    const state = reply.read(dialect);
    expect(replyOutcome(state)).toBe(outcome);
    expect(state.textLength).toBe(length);
    expect(closings).toEqual(['fault']);
  });

  test.for<{ how: Framing; closing: string; expected: (plain: string) => string }>([
    { how: 'crlf', closing: 'complete', expected: (plain) => plain.replaceAll('\n', '\r\n') },
    {
      how: 'comments',
      closing: 'complete',
      expected: (plain) => plain.replaceAll('\n\n', '\n\n: keep-alive\n\n\n'),
    },
    { how: 'pieces', closing: 'complete', expected: (plain) => plain },
    {
      how: 'duplicate-frames',
      closing: 'fault',
      expected: (plain) =>
        plain
          .split('\n\n')
          .map((frame) => (frame === '' ? '' : `${frame}\n\n${frame}\n\n`))
          .join(''),
    },
    { how: 'no-last-blank-line', closing: 'fault', expected: (plain) => plain.slice(0, -1) },
    {
      how: 'no-event-lines',
      closing: 'fault',
      expected: (plain) =>
        plain
          .split('\n')
          .filter((each) => !each.startsWith('event: '))
          .join('\n'),
    },
  ])('framing: $how; whole replies have no frames', async ({ how, closing, expected }) => {
    const plain = await faulty().ask(request(dialect, true), { dialect });
    const { reply, closings } = await struck({ kind: 'framing', how }, dialect, true);
    expect(closings).toEqual([closing]);
    expect(reply.text).toBe(expected(plain.reply.text));
    const whole = await struck({ kind: 'framing', how }, dialect, false);
    expect(whole.closings).toEqual(['complete']);
  });

  test.for<Framing>(['crlf', 'comments', 'pieces'])(
    'framing: %s reads back as if nothing had happened',
    async (how) => {
      const plain = await faulty().ask(request(dialect, true), { dialect });
      const { reply } = await struck({ kind: 'framing', how }, dialect, true);
      expect(replyOutcome(reply.read(dialect))).toBe('complete');
      expect(reply.read(dialect).text).toBe(plain.reply.read(dialect).text);
    },
  );

  test('framing: pieces are written one by one', async () => {
    const { reply } = await struck({ kind: 'framing', how: 'pieces' }, dialect, true);
    const sizes = reply.writes.map(({ text }) => text.length);
    expect(Math.max(...sizes)).toBe(7);
    expect(sizes.length).toBeGreaterThan(reply.text.length / 8);
  });

  test('reset: before the headers, or after three tokens', async () => {
    const before = await struck({ kind: 'reset' }, dialect, true);
    expect(before.reply).toMatchObject({ status: undefined, resetAtMs: 0 });
    const after = await struck({ kind: 'reset', afterTokens: 3 }, dialect, true);
    expect(after.reply).toMatchObject({ status: 200, resetAtMs: 120, endedAtMs: undefined });
    expect(after.reply.read(dialect).textLength).toBe(12);
  });

  test('stall: silence, then the rest; or silence until the client leaves', async () => {
    const { reply, closings } = await struck(
      { kind: 'stall', afterTokens: 3, pause: '5s' },
      dialect,
      true,
    );
    expect(reply.writes.map(({ atMs }) => atMs)).toEqual([100, 110, 120, 5120]);
    expect(replyOutcome(reply.read(dialect))).toBe('complete');
    expect(closings).toEqual(['complete']);
    const endless = await struck({ kind: 'stall', afterTokens: 3 }, dialect, true);
    expect(endless.reply.isOver).toBe(false);
    expect(endless.closings).toEqual([]);
    endless.reply.abandon();
    expect(endless.closings).toEqual(['client-closed']);
  });

  test('slow first token and slow headers', async () => {
    const first = await struck({ kind: 'slow-first-token', delay: '3s' }, dialect, true);
    expect(first.reply.headAtMs).toBe(3100);
    const headers = await struck({ kind: 'slow-headers', delay: '2s' }, dialect, true);
    expect(headers.reply.headAtMs).toBe(2100);
    const never = await struck({ kind: 'slow-headers' }, dialect, true);
    expect(never.reply).toMatchObject({ status: undefined, isOver: false });
  });

  test('wrong usage: the reply lies, the record does not', async () => {
    for (const stream of [true, false]) {
      const { reply, record } = await struck({ kind: 'wrong-usage', factor: 3 }, dialect, stream);
      expect(reply.text).toMatch(/"(completion|output)_tokens":30\b|^(?!.*_tokens)/su);
      expect(record.tokens?.output).toBe(10);
    }
  });

  test.for([
    { why: 'at the first token', afterTokens: 1 },
    { why: 'in the middle', afterTokens: 4 },
    { why: 'at the last token', afterTokens: 10 },
  ])('skip-event and reorder-events, $why', async ({ afterTokens }) => {
    const whole = frames((await faulty().ask(request(dialect, true), { dialect })).reply.text);
    const skipped = await struck({ kind: 'skip-event', afterTokens }, dialect, true);
    const left = frames(skipped.reply.text);
    const gap = whole.findIndex((frame, index) => frame !== left[index]);
    expect(left).toEqual(whole.toSpliced(gap, 1));
    const swapped = await struck({ kind: 'reorder-events', afterTokens }, dialect, true);
    const mixed = frames(swapped.reply.text);
    const at = whole.findIndex((frame, index) => frame !== mixed[index]);
    expect(at).toBe(gap);
    expect(mixed).toEqual(whole.toSpliced(at, 2, whole[at + 1]!, whole[at]!));
    expect([...skipped.closings, ...swapped.closings]).toEqual(['fault', 'fault']);
  });

  test('cut-arguments: half of a call that ends as if it were whole', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string', minLength: 20 } } };
    const tool = { name: 'f', parameters: schema, input_schema: schema, type: 'function' };
    const asked = {
      ...request(dialect, true),
      max_tokens: 100,
      max_output_tokens: 100,
      tools: [dialect === 'openai-chat' ? { type: 'function', function: tool } : tool],
      tool_choice: dialect === 'anthropic-messages' ? { type: 'any' } : 'required',
    };
    const provider = faulty({ kind: 'cut-arguments' });
    const { reply, closings } = await provider.ask(asked, { dialect });
    const state = reply.read(dialect);
    expect(replyOutcome(state)).toBe('complete');
    expect(state.finish).toBe('tool_calls');
    expect(() => void JSON.parse(state.toolCalls[0]!.arguments)).toThrow(SyntaxError);
    expect(state.toolCalls[0]!.arguments).toMatch(/^\{"city":"/);
    expect(closings).toEqual(['fault']);
  });

  test('html: a 200 that is no reply at all', async () => {
    const { reply } = await struck({ kind: 'html' }, dialect, false);
    expect(reply.headers['content-type']).toBe('text/html');
    expect(replyOutcome(reply.read(dialect))).toBe('malformed');
  });

  test.for([
    { fault: { kind: 'malformed-json' }, status: 200, outcome: 'malformed' },
    { fault: { kind: 'truncate' }, status: 200, outcome: 'malformed' },
    { fault: { kind: 'error-event', status: 503 }, status: 503, outcome: 'in-band-error' },
  ] as const)('whole replies: $fault.kind', async ({ fault, status, outcome }) => {
    const { reply, closings } = await struck(fault, dialect, false);
    expect(reply.status).toBe(status);
    expect(replyOutcome(reply.read(dialect))).toBe(outcome);
    expect(closings).toEqual(['fault']);
  });
});

describe('which requests a line strikes', () => {
  async function statuses(
    fault: Partial<FaultInput>,
    count: number,
    gapMs = 1000,
  ): Promise<number[]> {
    const provider = faulty({ kind: 'status', status: 503, ...fault } as FaultInput);
    const sent: Sent[] = [];
    for (let index = 0; index < count; index += 1) {
      sent.push(provider.send(request('openai-chat', index % 2 === 0)));
      await provider.clock.run((index + 1) * gapMs);
    }
    return sent.map(({ reply }) => reply.status!);
  }

  test.for([
    { why: 'the first two', fault: { first: 2 }, expected: [503, 503, 200, 200, 200] },
    { why: 'every second', fault: { every: 2 }, expected: [200, 503, 200, 503, 200] },
    {
      why: 'a window of two seconds from the first',
      fault: { from: '1s', for: '2s' },
      expected: [200, 503, 503, 200, 200],
    },
    { why: 'another model', fault: { models: ['other'] }, expected: [200, 200, 200, 200, 200] },
    { why: 'another key', fault: { keys: ['other'] }, expected: [200, 200, 200, 200, 200] },
    { why: 'streams only', fault: { stream: true }, expected: [503, 200, 503, 200, 503] },
    { why: 'never', fault: { probability: 0 }, expected: [200, 200, 200, 200, 200] },
    { why: 'always', fault: { probability: 1 }, expected: [503, 503, 503, 503, 503] },
  ] as const)('$why', async ({ fault, expected }) => {
    expect(await statuses(fault as unknown as Partial<FaultInput>, 5)).toEqual(expected);
  });

  test('a probability strikes about its share, the same requests in each run with the seed', async () => {
    const first = await statuses({ probability: '30%' }, 400, 1);
    const count = first.filter((status) => status === 503).length;
    // Binomial(400, 0.3): 120 ± 4.4 standard deviations of 9.2.
    expect(count).toBeGreaterThan(80);
    expect(count).toBeLessThan(160);
    expect(await statuses({ probability: '30%' }, 400, 1)).toEqual(first);
  });

  test('a request may ask for a fault by name', async () => {
    const provider = faulty({ kind: 'truncate', name: 'cut', probability: 0 });
    const asked = await provider.ask(request('openai-chat', true), {
      headers: { 'x-sim-fault': 'cut' },
    });
    const other = await provider.ask(request('openai-chat', true));
    expect([asked.closings, other.closings]).toEqual([['fault'], ['complete']]);
  });
});

/** Any fault line. */
const anyFault: fc.Arbitrary<FaultInput> = fc
  .record({
    body: fc.constantFrom<FaultInput>(
      { kind: 'status', status: 429, retryAfter: '1s' },
      { kind: 'status', status: 529 },
      { kind: 'slow-first-token', delay: '2s' },
      { kind: 'slow-headers', delay: '1s' },
      { kind: 'slow-headers' },
      { kind: 'stall', pause: '3s' },
      { kind: 'stall' },
      { kind: 'error-event', status: 529 },
      { kind: 'truncate' },
      { kind: 'reset' },
      { kind: 'malformed-json' },
      { kind: 'wrong-usage', factor: 0 },
      { kind: 'html' },
      { kind: 'skip-event' },
      { kind: 'reorder-events' },
      { kind: 'cut-arguments' },
      { kind: 'stale-connection' },
      { kind: 'framing', how: 'crlf' },
      { kind: 'framing', how: 'pieces' },
      { kind: 'framing', how: 'no-last-blank-line' },
    ),
    afterTokens: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
    probability: fc.constantFrom(0.2, 0.5, 1),
  })
  .map(({ body, afterTokens, probability }) => {
    const inStream = ['stall', 'error-event', 'truncate', 'reset', 'malformed-json'].includes(
      body.kind,
    );
    return {
      ...body,
      probability,
      ...(inStream && afterTokens !== undefined ? { afterTokens } : {}),
    };
  });

test('no request is lost or answered twice under any fault script', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyFault, { maxLength: 4 }),
      fc.array(
        fc.record({
          dialect: fc.constantFrom(...DIALECTS),
          stream: fc.boolean(),
          gapMs: fc.integer({ min: 0, max: 500 }),
          leavesAfterMs: fc.option(fc.integer({ min: 0, max: 4000 }), { nil: undefined }),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      fc.constantFrom<NonNullable<ProviderConfigInput['models'][number]['timing']>>(
        { kind: 'fixed', ttft: '100ms', itl: '10ms' },
        { kind: 'batching', maxSeqs: 2, maxWaiting: 3 },
      ),
      async (faults, requests, timing) => {
        const limits = { style: 'openai', rpm: 8, tpm: 100_000 } as const;
        const provider = new VirtualProvider(config({ timing, limits }, { faults }));
        const sent: Sent[] = [];
        for (const { dialect, stream, gapMs, leavesAfterMs } of requests) {
          const one = provider.send(request(dialect, stream), { dialect });
          sent.push(one);
          if (leavesAfterMs !== undefined) {
            provider.clock.at(provider.clock.now() + leavesAfterMs, () => one.reply.abandon());
          }
          await provider.clock.run(provider.clock.now() + gapMs);
        }
        await provider.clock.run(provider.clock.now() + 60_000);
        // Whoever still waits (endless stalls) gives up.
        for (const { reply } of sent) reply.abandon();
        for (const { reply, closings } of sent) {
          expect(closings).toHaveLength(1);
          expect(reply.heads).toBeLessThanOrEqual(1);
          expect(reply.late).toBe(0);
          expect(reply.isOver).toBe(true);
        }
        const outcomes = sent
          .filter(({ closings }) => closings[0] === 'complete')
          .map(({ reply, record }) => replyOutcome(reply.read(dialectOf(record.path))));
        expect(outcomes.filter((outcome) => outcome !== 'complete')).toEqual([]);
        // Nothing goes on running for nobody.
        expect(provider.simulator.models[0]!.timing.gauges).toMatchObject({
          running: 0,
          waiting: 0,
        });
      },
    ),
    { numRuns: 150 },
  );
});

function dialectOf(path: string): Dialect {
  if (path.endsWith('/responses')) return 'openai-responses';
  return path.endsWith('/messages') ? 'anthropic-messages' : 'openai-chat';
}
