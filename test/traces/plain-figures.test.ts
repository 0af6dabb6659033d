import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { openFiles } from '../../src/traces/archive.ts';
import { ClaudeLine, LINE_KINDS } from '../../src/traces/claude-line.ts';
import { isObject, listOf, objectOf, parseJson, textOf } from '../../src/traces/json-value.ts';
import { LineSplitter } from '../../src/traces/line-splitter.ts';
import { timeMs } from '../../src/traces/timestamp.ts';
import { allCalls, collect, noTraces, sharedTrace } from './collected.ts';
import { expectSummary, mostAtOnce, sum, type SummaryFigures } from './summary-figures.ts';

/**
 * The published figures that are the plain reading of a file, before any rule: every line, every
 * observation, the fields as they stand. What the readers make of the files is held to them.
 */

async function bytesOf(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const { bytes } of openFiles(path, createReadStream(path))) {
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

async function expectedFile(name: string): Promise<unknown> {
  return parseJson(await readFile(sharedTrace(`expected/${name}`), 'utf8'));
}

interface LangfuseFigures {
  readonly gen_latency_s: SummaryFigures | null;
  readonly latency_field_over_true_seconds: readonly number[];
  readonly wall_s: number;
  readonly generations_nested_in_generation: number;
  readonly generations: number;
}

/** Reads a download's observations as they stand. */
function plainObservations(text: string): {
  readonly figures: object;
  readonly latencies: readonly number[];
  readonly ratios: readonly number[];
  /** Dollars of the generations without another one inside. */
  readonly leafCosts: readonly number[];
  readonly wallSeconds: number;
} {
  const rows = listOf(objectOf(parseJson(text))['observations'])
    .filter(isObject)
    .map((row) => ({
      id: textOf(row['id'])!,
      parent: textOf(row['parentObservationId']),
      type: textOf(row['type'])!,
      startMs: timeMs(row['startTime'])!,
      endMs: timeMs(row['endTime']),
      usage: objectOf(row['usageDetails']) as Readonly<Record<string, number>>,
      latency: row['latency'],
      cost: Number(row['totalCost']),
    }));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const hasGenerationAbove = ({ parent }: { readonly parent: string | undefined }): boolean => {
    const above = byId.get(parent ?? '');
    return above !== undefined && (above.type === 'GENERATION' || hasGenerationAbove(above));
  };
  const generations = rows.filter(({ type }) => type === 'GENERATION');
  const timed = generations.flatMap(({ startMs, endMs, latency }) =>
    endMs === undefined ? [] : [{ startMs, endMs, latency }],
  );
  const types: Record<string, number> = {};
  for (const { type } of rows) types[type] = (types[type] ?? 0) + 1;
  return {
    figures: {
      generations: generations.length,
      generations_nested_in_generation: generations.filter(hasGenerationAbove).length,
      input_sum: sum(generations.map(({ usage }) => usage['input'] ?? 0)),
      output_sum: sum(generations.map(({ usage }) => usage['output'] ?? 0)),
      max_concurrent_generations: mostAtOnce(timed.map(({ startMs, endMs }) => [startMs, endMs])),
      non_generation_with_usage: rows.filter(
        ({ type, usage }) => type !== 'GENERATION' && Object.keys(usage).length > 0,
      ).length,
      observations: rows.length,
      types,
      usage_keys: [...new Set(generations.flatMap(({ usage }) => Object.keys(usage)))].toSorted(),
    },
    leafCosts: generations
      .filter(({ id }) => !generations.some(({ parent }) => parent === id))
      .map(({ cost }) => cost),
    latencies: timed.map(({ startMs, endMs }) => (endMs - startMs) / 1000),
    ratios: timed
      .flatMap(({ startMs, endMs, latency }) =>
        typeof latency === 'number' ? [latency / ((endMs - startMs) / 1000)] : [],
      )
      .slice(0, 1),
    wallSeconds:
      (Math.max(...rows.map(({ startMs, endMs }) => endMs ?? startMs)) -
        Math.min(...rows.map(({ startMs }) => startMs))) /
      1000,
  };
}

describe.skipIf(noTraces)('Langfuse, observations as they stand', () => {
  test('every figure of every file, and what the reader makes of it', async () => {
    const all = (await expectedFile('langfuse-framework-traces.json')) as Readonly<
      Record<string, LangfuseFigures>
    >;
    expect(Object.keys(all)).toHaveLength(9);
    const withTurns: string[] = [];
    for (const [file, expected] of Object.entries(all)) {
      const path = sharedTrace(`langfuse-framework-traces/${file}`);
      const plain = plainObservations((await bytesOf(path)).toString());
      const {
        gen_latency_s: latency,
        latency_field_over_true_seconds: ratios,
        wall_s: wall,
        ...figures
      } = expected;
      expect([file, plain.figures]).toEqual([file, figures]);
      expect(plain.ratios).toEqual(ratios.map((ratio) => expect.closeTo(ratio, 6)));
      expect(plain.wallSeconds).toBeCloseTo(wall, 6);
      // Null where no generation has an end.
      expect(plain.latencies).toHaveLength(latency?.n ?? 0);
      if (latency !== null) expectSummary(plain.latencies, latency);
      const read = await collect([path]);
      expect(allCalls(read)).toHaveLength(
        figures.generations - figures.generations_nested_in_generation,
      );
      const costs = allCalls(read).map(({ details }) => details?.costUsd);
      expect([file, new Set(costs)]).toEqual([file, new Set(plain.leafCosts)]);
      // A trace of one model call is that call alone, without the spans beside it.
      const turns = read.sessions.flatMap((session) => session.turns);
      if (turns.length === 0) continue;
      withTurns.push(file);
      const start = Math.min(...turns.map(({ startMs }) => startMs));
      const end = Math.max(...turns.map(({ endMs }) => endMs!));
      expect([file, (end - start) / 1000]).toEqual([file, expect.closeTo(wall, 6)]);
    }
    // Three files hold one model call and no session.
    expect(withTurns).toHaveLength(6);
  });
});

test.skipIf(noTraces)('flat OTel dumps: the names of their usage attributes', async () => {
  const expected = (await expectedFile('otel-inference-perf.json')) as Readonly<
    Record<string, { readonly usage_keys: readonly string[] }>
  >;
  for (const [file, { usage_keys: keys }] of Object.entries(expected)) {
    const text = (await bytesOf(sharedTrace(`otel-inference-perf/${file}`))).toString();
    const names = listOf(objectOf(parseJson(text))['spans']).flatMap((span) =>
      Object.keys(objectOf(objectOf(span)['attributes'])),
    );
    expect(names.length).toBeGreaterThan(0);
    const found = new Set(names.filter((name) => name.includes('usage')));
    expect([file, [...found].toSorted()]).toEqual([file, keys]);
  }
});

test.skipIf(noTraces)(
  'Claude Code transcript: lines and usage before split messages are joined',
  async () => {
    const expected = (await expectedFile('tracelab-claude-session.json')) as {
      readonly records: number;
      readonly assistant_records: number;
      readonly naive_output_if_not_deduped: number;
      readonly rounds: readonly { readonly records: number; readonly out: number }[];
    };
    const byMessage = new Map<string, { records: number; out: number }>();
    const line = new ClaudeLine();
    let lines = 0;
    let naive = 0;
    const onLongLine = (): void => expect.unreachable();
    const splitter = new LineSplitter((bytes, start, end) => {
      expect(line.read(bytes, start, end)).toBe(true);
      lines += 1;
      if (LINE_KINDS.words[line.kind] !== 'assistant') return;
      const { id, usage } = line.message;
      const round = byMessage.get(id.text()!) ?? { records: 0, out: 0 };
      byMessage.set(id.text()!, { records: round.records + 1, out: usage.output });
      naive += usage.output;
    }, onLongLine);
    splitter.push(await bytesOf(sharedTrace('tracelab-examples/claude/session.jsonl')));
    splitter.end();
    const rounds = [...byMessage.values()];
    expect(lines).toBe(expected.records);
    expect(rounds).toEqual(expected.rounds.map(({ records, out }) => ({ records, out })));
    expect(sum(rounds.map(({ records }) => records))).toBe(expected.assistant_records);
    expect(naive).toBe(expected.naive_output_if_not_deduped);
  },
);
