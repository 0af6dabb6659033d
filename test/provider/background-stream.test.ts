import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startProvider } from '../../src/provider/start-provider.ts';
import type { RunningProvider } from '../../src/provider/start-provider.ts';
import { config } from './virtual-provider.ts';

/** A background response that streams: its reader may leave, and come back for what it missed. */
let provider: RunningProvider;
let openai: OpenAI;

beforeAll(async () => {
  provider = await startProvider({
    config: config({ timing: { kind: 'fixed', ttft: '5ms', itl: '2ms' }, output: { tokens: 30 } }),
    address: { host: '127.0.0.1', port: 0 },
  });
  openai = new OpenAI({ baseURL: `${provider.url}/v1`, apiKey: 'k', maxRetries: 0 });
});

afterAll(() => provider.close());

const asked = { model: 'm', input: 'hi', background: true, stream: true } as const;

type Events = AsyncIterable<OpenAI.Responses.ResponseStreamEvent>;

async function read(events: Events, most = Number.POSITIVE_INFINITY): Promise<Seen> {
  const seen: Seen = { numbers: [], types: [], text: '', id: '' };
  for await (const event of events) {
    seen.numbers.push(event.sequence_number);
    if (seen.types.at(-1) !== event.type) seen.types.push(event.type);
    if (event.type === 'response.output_text.delta') seen.text += event.delta;
    if (event.type === 'response.queued') seen.id = event.response.id;
    if (seen.numbers.length >= most) break; // the SDK closes the connection
  }
  return seen;
}

interface Seen {
  readonly numbers: number[];
  readonly types: string[];
  text: string;
  id: string;
}

test('the events of a background stream begin with response.queued', async () => {
  const { types, numbers } = await read(await openai.responses.create(asked));
  expect(types).toEqual([
    'response.queued',
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ]);
  expect(numbers).toEqual(numbers.map((_, index) => index));
});

test.for([
  { why: 'early: live events follow the missed ones', most: 7 },
  { why: 'before any token', most: 1 },
])('left and resumed, $why', async ({ most }) => {
  const first = await read(await openai.responses.create(asked), most);
  const rest = await read(
    await openai.responses.retrieve(first.id, { stream: true, starting_after: most - 1 }),
  );
  const numbers = [...first.numbers, ...rest.numbers];
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(rest.types.at(-1)).toBe('response.completed');
  const kept = await openai.responses.retrieve(first.id);
  expect(kept).toMatchObject({ status: 'completed', background: true });
  expect(first.text + rest.text).toBe(kept.output_text);
});

test('a finished background stream is told again from any event', async () => {
  const all = await read(await openai.responses.create(asked));
  const again = await read(await openai.responses.retrieve(all.id, { stream: true }));
  expect(again).toEqual(all);
  const tail = await openai.responses.retrieve(all.id, {
    stream: true,
    starting_after: all.numbers.length - 2,
  });
  expect((await read(tail)).types).toEqual(['response.completed']);
});

test('cancelled in the middle: the stream ends, the response stays cancelled', async () => {
  const stream = await openai.responses.create({ ...asked, input: '[[sim output=20000]] hi' });
  const { gauges } = provider.simulator.models[0]!.timing;
  expect(gauges.running).toBe(1);
  const types: string[] = [];
  let id = '';
  for await (const event of stream) {
    types.push(event.type);
    if (event.type !== 'response.queued') continue;
    ({ id } = event.response);
    expect((await openai.responses.cancel(id)).status).toBe('cancelled');
  }
  expect(types).not.toContain('response.completed');
  expect(provider.simulator.models[0]!.timing.gauges.running).toBe(0);
  expect((await openai.responses.retrieve(id)).status).toBe('cancelled');
});

test('what cannot be resumed is refused', async () => {
  const plain = await openai.responses.create({ model: 'm', input: 'hi' });
  await expect(openai.responses.retrieve(plain.id, { stream: true })).rejects.toMatchObject({
    status: 400,
    param: 'stream',
  });
  const { id } = await read(await openai.responses.create(asked));
  const bad = await fetch(`${provider.url}/v1/responses/${id}?stream=true&starting_after=x`, {
    headers: { authorization: 'Bearer k' },
  });
  expect(bad.status).toBe(400);
});
