import { assert, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import type { Session } from '../../src/core/trace.ts';
import { readTraces } from '../../src/traces/read.ts';
import { writers } from '../../src/traces/write-formats.ts';
import type { ExportFormat } from '../../src/traces/write-formats.ts';
import type { TraceWriter } from '../../src/traces/write-trace.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { sessions } from '../workload/session-arbitrary.ts';
import { llm, session, tool } from '../workload/trace-builders.ts';
import { wekaFile } from '../workload/weka-trace.ts';
import { collectText, noTraces, sharedTrace, stepsOf } from './collected.ts';

interface Exported {
  readonly text: string;
  readonly files: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

function exported(format: ExportFormat, add: (writer: TraceWriter) => void): Exported {
  let text = '';
  const files: Record<string, string> = {};
  const writer = writers[format].open({
    text: (part) => (text += part),
    file: (name, content) => (files[name] = content),
  });
  add(writer);
  writer.end();
  return { text, files, notes: writer.notes };
}

async function profiled(text: string, format: string): Promise<WorkloadProfile> {
  const fold = new ProfileFold();
  const result = await readTraces(['-'], fold, { format, stdin: oneChunk(text) });
  return fold.profile({ name: 'back', ...result });
}

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

const START = 1_750_000_000_000;

/** Two turns; tools side by side; cached prompt; a failure. */
const agent = session(
  'secret-session',
  [
    [
      llm({
        id: 'secret-step',
        startMs: START,
        endMs: START + 2000,
        ttftMs: 500,
        model: 'large-1',
        provider: 'openai',
        tokens: { ...NO_TOKENS, uncached: 300, cacheRead: 1024, output: 50, reasoning: 20 },
      }),
      tool({
        id: 'b',
        name: 'search',
        after: ['secret-step'],
        startMs: START + 2000,
        endMs: START + 2600,
      }),
      tool({
        id: 'c',
        name: 'shell',
        after: ['secret-step'],
        startMs: START + 2000,
        endMs: START + 3000,
        error: true,
      }),
      llm({
        id: 'd',
        after: ['b', 'c'],
        startMs: START + 3000,
        endMs: START + 4000,
        model: 'large-1',
        tokens: { ...NO_TOKENS, uncached: 200, cacheRead: 1324, cacheWrite5m: 64, output: 80 },
        error: 'the user asked: secret question',
      }),
    ],
    [llm({ id: 'e', startMs: START + 60_000, endMs: START + 61_000, model: 'large-1' })],
  ],
  { user: 'secret-user' },
);

describe('every export', () => {
  test.for(Object.keys(writers) as ExportFormat[])('%s carries no id and no content', (format) => {
    const { text, files } = exported(format, (writer) => writer.session(agent));
    const all = text + Object.values(files).join('');
    expect(all.length).toBeGreaterThan(100);
    expect(all).not.toContain('secret');
  });

  test.for(Object.keys(writers) as ExportFormat[])(
    '%s is valid JSON for any sessions',
    (format) => {
      assert(
        property(sessions(), (list) => {
          const { text, files } = exported(format, (writer) => {
            for (const one of list) writer.session(one);
          });
          for (const line of [...text.split('\n'), ...Object.values(files)]) {
            if (line !== '') JSON.parse(line);
          }
        }),
        { numRuns: 30 },
      );
    },
  );
});

describe('otlp', () => {
  it('reads back as the same sessions, turns, calls, tools and tokens', async () => {
    const { text } = exported('otlp', (writer) => writer.session(agent));
    const back = await collectText(text, 'otlp');
    expect(back.sessions).toHaveLength(1);
    expect(back.sessions[0]!.turns.map(({ steps }) => steps.map(({ kind }) => kind))).toEqual(
      agent.turns.map(({ steps }) => steps.map(({ kind }) => kind)),
    );
    const times = (list: readonly Session[]): unknown =>
      stepsOf(list).map(({ startMs, endMs }) => [startMs, endMs]);
    expect(times(back.sessions)).toEqual(times([agent]));
    const tokens = stepsOf(back.sessions).flatMap((step) =>
      step.kind === 'llm' ? [step.tokens] : [],
    );
    const original = stepsOf([agent]).flatMap((step) => (step.kind === 'llm' ? [step.tokens] : []));
    expect(tokens).toEqual(original);
  });

  it('keeps the profile of a trace', async () => {
    const list = Array.from({ length: 12 }, (_, index) => shifted(agent, index));
    const fold = new ProfileFold();
    for (const one of list) fold.session(one);
    const before = fold.profile({ name: 'x', format: 'x', files: [] });
    const { text } = exported('otlp', (writer) => list.forEach((one) => writer.session(one)));
    const after = await profiled(text, 'otlp');
    expect(after.tokens).toEqual(before.tokens);
    expect(after.turns).toEqual(before.turns);
    expect(after.tools).toEqual(before.tools);
    expect(after.arrivals).toEqual(before.arrivals);
    expect(after.latency).toEqual(before.latency);
    expect(after.calls).toMatchObject({ count: 36, errors: 12 });
  });
});

function shifted(given: Session, index: number): Session {
  const ms = index * 7000;
  return {
    ...given,
    id: `s${index}`,
    turns: given.turns.map((turn) => ({
      startMs: turn.startMs + ms,
      steps: turn.steps.map((step) => ({
        ...step,
        startMs: step.startMs + ms,
        endMs: step.endMs === undefined ? undefined : step.endMs + ms,
      })),
    })),
  };
}

describe('mooncake', () => {
  it('sorts by time, counts from the first call, and has ceil(input / 512) blocks', () => {
    const { text, notes } = exported('mooncake', (writer) => {
      writer.session(shifted(agent, 1));
      writer.session(agent);
    });
    const rows = text
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as { timestamp: number; input_length: number; hash_ids: number[] },
      );
    expect(rows.map(({ timestamp }) => timestamp)).toEqual([0, 3000, 7000, 10_000, 60_000, 67_000]);
    for (const { input_length: input, hash_ids: ids } of rows) {
      expect(ids).toHaveLength(Math.ceil(input / 512));
    }
    // The first prompts read 1,024 tokens from the cache: two blocks that both sessions share.
    expect(rows[2]!.hash_ids.slice(0, 2)).toEqual(rows[0]!.hash_ids.slice(0, 2));
    expect(rows[1]!.hash_ids.slice(0, 2)).toEqual(rows[0]!.hash_ids.slice(0, 2));
    expect(rows[1]!.hash_ids[2]).not.toBe(rows[0]!.hash_ids[2]);
    expect(notes.join()).toContain('2 calls have neither prefix hashes nor cache reads');
  });

  test('of the Mooncake trace keeps its prefix reuse', { skip: noTraces }, async () => {
    const fold = new ProfileFold();
    let text = '';
    const writer = writers.mooncake.open({ text: (part) => (text += part), file: () => {} });
    const source = [sharedTrace('mooncake-fast25/conversation_trace.jsonl')];
    await readTraces(source, fold);
    await readTraces(source, writer);
    writer.end();
    const before = fold.profile({ name: 'x', format: 'x', files: [] });
    const after = await profiled(text, 'mooncake');
    expect(after.cache.prefix).toEqual(before.cache.prefix);
    expect(after.tokens).toEqual(before.tokens);
    expect(after.arrivals).toEqual(before.arrivals);
  });

  it('leaves out what has no place in it, and says so', () => {
    const { text, notes } = exported('mooncake', (writer) => {
      writer.session({ ...agent, relativeTime: true });
      writer.call(llm({ startMs: Number.NaN }));
      writer.call(llm({ tokensBasis: 'missing' }));
      writer.call(llm({ operation: 'embedding' }));
    });
    expect(text).toBe('');
    expect(notes).toEqual([
      'left out: 1 sessions without a common clock',
      'left out: 1 calls without a time',
      'left out: 1 calls without token counts',
      'left out: 1 embedding calls',
    ]);
  });
});

describe('weka', () => {
  test('of a real session keeps blocks, sizes and pauses', { skip: noTraces }, async () => {
    const original = wekaFile(sharedTrace('kv-cache-tester/trace_0007.json'));
    const { files } = exported('weka', (writer) => writer.session(original));
    const back = await collectText(files['trace_0001.json']!, 'weka');
    const calls = (list: readonly Session[]): unknown =>
      stepsOf(list).flatMap((step) =>
        step.kind === 'llm'
          ? [[step.startMs, step.endMs, inputTokens(step.tokens), step.tokens.output, step.model]]
          : [],
      );
    expect(calls(back.sessions)).toEqual(calls([original]));
    const hit = (list: readonly Session[]): number | null => {
      const fold = new ProfileFold();
      for (const one of list) fold.session(one);
      return fold.profile({ name: 'x', format: 'x', files: [] }).cache.potentialHitRate;
    };
    expect(hit(back.sessions)).toBe(hit([original]));
  });

  it('has exactly the keys that readers of the format accept', () => {
    const { files } = exported('weka', (writer) => writer.session(agent));
    const document = JSON.parse(files['trace_0001.json']!) as { requests: object[] };
    expect(Object.keys(document).toSorted()).toEqual([
      'block_size',
      'hash_id_scope',
      'id',
      'models',
      'requests',
      'system_tokens',
      'tool_tokens',
    ]);
    expect(document.requests[0]).toEqual({
      t: 0,
      type: 's',
      model: 'large-1',
      in: 1324,
      out: 50,
      hash_ids: Array.from({ length: 20 }, (_, index) => index + 1),
      input_types: ['text'],
      output_types: ['text'],
      stop: 'tool_use',
      api_time: 2,
      ttft: 0.5,
    });
  });
});

describe('weka sizes in front of the prompt', () => {
  it('are those that the source states, else 0 with a note', () => {
    const sizes = (stated: Session['stated']): readonly unknown[] => {
      const { files, notes } = exported('weka', (writer) => {
        writer.session({ ...agent, stated });
        writer.session({ ...agent, stated });
      });
      const { tool_tokens, system_tokens } = JSON.parse(files['trace_0001.json']!) as {
        readonly tool_tokens: number;
        readonly system_tokens: number;
      };
      return [tool_tokens, system_tokens, notes.filter((note) => note.includes('system tokens'))];
    };
    const note = 'tool and system tokens that the trace does not state are written as 0';
    const all = { toolTokens: 12_439, systemTokens: 2774, subAgentTokens: [] };
    expect(sizes(all)).toEqual([12_439, 2774, []]);
    expect(sizes({ ...all, systemTokens: undefined })).toEqual([12_439, 0, [note]]);
    expect(sizes(undefined)).toEqual([0, 0, [note]]);
  });
});

describe('dag_jsonl', () => {
  it('adds what the prompt grew by, and waits as long', () => {
    const { text } = exported('dag_jsonl', (writer) => writer.session(agent));
    const { turns, ...line } = JSON.parse(text) as {
      turns: { messages: { content: string }[]; max_tokens: number; delay?: number }[];
    };
    expect(line).toEqual({ session_id: 'session-1' });
    const words = turns.map(({ messages }) => messages[0]!.content.split(' ').length);
    // 1,324; then 1,588 - 1,324 - 50; then a shorter prompt
    expect(words).toEqual([1324, 214, 1]);
    expect(turns.map(({ max_tokens: most }) => most)).toEqual([50, 80, 10]);
    expect(turns.map(({ delay }) => delay)).toEqual([undefined, 1000, 56_000]);
  });
});
