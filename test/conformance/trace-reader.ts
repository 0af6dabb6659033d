import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import type { Session, Turn } from '../../src/core/trace.ts';
import { AgentInfraError } from '../../src/errors.ts';
import type { TraceFormat } from '../../src/traces/readers.ts';
import { CANARY, type TraceSample } from '../fixtures/traces/samples.ts';
import { allCalls, collect, collectText, type Collected } from '../traces/collected.ts';

/**
 * Damaged inputs per format and kind of damage (three kinds). The nightly run makes more than
 * 100,000 over all formats, each one read to its end, in a few minutes:
 *
 *     FUZZ_RUNS=1500 npx vitest run test/conformance/trace-reader.test.ts
 */
const FUZZ_RUNS = Number(process.env['FUZZ_RUNS'] ?? 40);

export interface TraceReaderCase {
  readonly format: TraceFormat;
  readonly sample: TraceSample;
  /** Samples of all formats, to interleave with. */
  readonly others: readonly TraceSample[];
}

/** What holds for every trace reader, whatever its format: run on one small sample of it. */
export function traceReaderConformance({ format, sample, others }: TraceReaderCase): void {
  const forced = sample.forced === true ? format : undefined;
  const read = (content: string | Buffer, chunkBytes?: number): Promise<Collected> =>
    collectText(content, forced, chunkBytes);
  const figures = (collected: Collected): object => {
    const calls = allCalls(collected);
    return {
      calls: calls.length,
      input:
        sum(calls.map(({ tokens }) => inputTokens(tokens))) +
        sum(collected.buckets.map(({ tokens }) => inputTokens(tokens))),
      output:
        sum(calls.map(({ tokens }) => tokens.output)) +
        sum(collected.buckets.map(({ tokens }) => tokens.output)),
    };
  };
  const expected = { calls: sample.calls, input: sample.input, output: sample.output };

  describe(`trace reader ${format}`, () => {
    test('is recognised, and counts the sample right', async () => {
      const collected = await read(sample.text);
      expect(collected.format).toBe(format);
      expect(figures(collected)).toEqual(expected);
      expectBooked(collected);
      expectSound(collected);
    });

    test('no content comes out', async () => {
      const { calls, sessions, skips, duplicates } = await read(sample.text);
      expect(JSON.stringify({ calls, sessions, skips, duplicates })).not.toContain(CANARY);
    });

    test('chunk sizes and compression change nothing', async () => {
      const whole = await read(sample.text, 1_000_000);
      for (const chunkBytes of [1, 7, 64]) {
        expect(withoutHashes(await read(sample.text, chunkBytes))).toEqual(withoutHashes(whole));
      }
      expect(withoutHashes(await read(gzipSync(sample.text), 11))).toEqual(withoutHashes(whole));
      expect(figures(await read(`\uFEFF${sample.text}`))).toEqual(expected);
    });

    test('the same file under another name is a duplicate', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'traces-'));
      try {
        const names = ['a.json', 'b.json'].map((name) => join(folder, name));
        for (const name of names) await writeFile(name, sample.text);
        const collected = await collect(names, forced);
        expect(figures(collected)).toEqual(expected);
        expect(collected.duplicates['file is a copy of another file']).toBe(1);
        expectBooked(collected);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test('a cut at any byte is survived, and every record is booked', async () => {
      const step = Math.max(1, Math.floor(sample.text.length / 60));
      for (let length = 1; length < sample.text.length; length += step) {
        expectBookedOrRefused(await attempt(sample.text.slice(0, length), format));
      }
    });

    test(
      'mutated and interleaved input is survived, and every record is booked',
      { timeout: 600_000 },
      async () => {
        await fc.assert(
          fc.asyncProperty(mutations(sample.text), async (text) => {
            expectBookedOrRefused(await attempt(text, format));
          }),
          { numRuns: FUZZ_RUNS },
        );
      },
    );

    test(
      'records of another format between its own are survived',
      { timeout: 600_000 },
      async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom(...others),
            fc.infiniteStream(fc.boolean()),
            fc.option(fc.nat({ max: 2000 })),
            async (other, turns, cut) => {
              const text = interleaved(sample.text, other.text, turns);
              expectBookedOrRefused(
                await attempt(cut === null ? text : text.slice(0, cut), format),
              );
            },
          ),
          { numRuns: FUZZ_RUNS },
        );
      },
    );

    test('records with wrong values inside are survived', { timeout: 600_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(replacement, { minLength: 1, maxLength: 5 }), async (list) => {
          expectBookedOrRefused(await attempt(replaced(sample.text, list), format));
        }),
        { numRuns: FUZZ_RUNS },
      );
    });
  });
}

/** Reads damaged input under its right name; undefined when it is refused as our errors do. */
async function attempt(text: string, format: TraceFormat): Promise<Collected | undefined> {
  try {
    return await collectText(text, format);
  } catch (error) {
    // Anything but the documented refusal is a crash.
    if (error instanceof AgentInfraError && error.code.startsWith('trace.')) return undefined;
    throw error;
  }
}

function expectBookedOrRefused(collected: Collected | undefined): void {
  if (collected === undefined) return;
  expectBooked(collected);
  expectSound(collected);
}

/** read = used + skipped + duplicates, and the sink heard the same. */
function expectBooked(collected: Collected): void {
  const { records } = collected;
  expect(records.used + records.skipped + records.duplicates).toBe(records.read);
  expect(collected.readCount).toBe(records.read);
  expect(collected.skips).toHaveLength(records.skipped);
  expect(sum(Object.values(collected.duplicates))).toBe(records.duplicates);
}

/** Every session is a well-formed DAG, every number possible. */
function expectSound(collected: Collected): void {
  for (const call of allCalls(collected)) {
    for (const count of Object.values(call.tokens)) expect(count).toBeGreaterThanOrEqual(0);
    expect(call.tokens.reasoning).toBeLessThanOrEqual(call.tokens.output);
    expect(call.attempts.length).toBeGreaterThan(0);
    expect((call.endMs ?? call.startMs) < call.startMs).toBe(false);
    expect((call.ttftMs ?? 0) < 0).toBe(false);
  }
  for (const { turns } of collected.sessions) {
    expect(turns.length).toBeGreaterThan(0);
    for (const turn of turns) expectDag(turn);
  }
}

function expectDag({ steps }: Turn): void {
  expect(steps.length).toBeGreaterThan(0);
  expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
  const done = new Set<string>();
  let left = [...steps];
  while (left.length > 0) {
    const ready = left.filter(({ after }) => after.every((id) => done.has(id)));
    // Unknown ids and cycles both end here.
    expect(ready.length).toBeGreaterThan(0);
    for (const { id } of ready) done.add(id);
    left = left.filter(({ id }) => !done.has(id));
  }
}

/** Hashes are keyed per process, file names are not: everything else must be equal. */
function withoutHashes(collected: Collected): unknown {
  const sessions: readonly Session[] = collected.sessions;
  return { calls: collected.calls, sessions, records: collected.records, skips: collected.skips };
}

/** A value somewhere inside a record becomes another; or a record is repeated or moved. */
const replacement = fc.record({
  record: fc.nat(),
  path: fc.array(fc.nat(), { maxLength: 12 }),
  value: fc.constantFrom<unknown>(
    null,
    -1,
    0,
    1e300,
    0.5,
    '',
    'text',
    '-7',
    '1e999',
    '9999-12-31T23:59:59.999Z',
    '0001-01-01T00:00:00Z',
    [],
    [null],
    {},
    { id: {} },
    true,
  ),
  record2: fc.nat(),
  action: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'repeat', 'move'),
});

type Replacement = typeof replacement extends fc.Arbitrary<infer T> ? T : never;

function replaced(text: string, list: readonly Replacement[]): string {
  if (!/^\s*[{[]/.test(text)) return replacedRow(text, list);
  const isLines = text
    .trim()
    .split('\n')
    .every((line) => /^\{.*\}$/.test(line));
  const records: unknown[] = isLines
    ? text
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line))
    : [JSON.parse(text)];
  for (const { record, path, value, action, record2 } of list) {
    const at = record % records.length;
    if (action === 'repeat')
      records.splice(record2 % records.length, 0, structuredClone(records[at]));
    else if (action === 'move')
      records.splice(record2 % records.length, 0, ...records.splice(at, 1));
    else records[at] = replaceInside(records[at], path, action === 'remove' ? undefined : value);
  }
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

function replacedRow(text: string, list: readonly Replacement[]): string {
  const rows = text.split('\n').map((row) => row.split(','));
  for (const { record, path, value } of list) {
    const row = rows[record % rows.length]!;
    row[(path[0] ?? 0) % row.length] = String(value);
  }
  return rows.map((row) => row.join(',')).join('\n');
}

function replaceInside(node: unknown, path: readonly number[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof node !== 'object' || node === null) return value;
  const keys = Object.keys(node);
  if (keys.length === 0) return value;
  const key = keys[step % keys.length]!;
  const copy = Array.isArray(node) ? [...(node as unknown[])] : { ...node };
  const target = copy as Record<string, unknown>;
  target[key] = replaceInside(target[key], rest, value);
  return copy;
}

/** The lines of two files in their own order, shuffled into each other. */
function interleaved(a: string, b: string, turns: Iterator<boolean>): string {
  const [own, foreign] = [linesOf(a), linesOf(b)];
  const mixed: string[] = [];
  while (own.length > 0 || foreign.length > 0) {
    const isOwn = foreign.length === 0 || (own.length > 0 && turns.next().value === true);
    mixed.push((isOwn ? own : foreign).shift()!);
  }
  return mixed.join('\n');
}

function linesOf(text: string): string[] {
  return text.trim().split('\n');
}

/** Deletes, repeats, swaps and overwrites of characters and whole lines, with rubbish in between. */
function mutations(text: string): fc.Arbitrary<string> {
  const position = fc.nat({ max: Math.max(0, text.length - 1) });
  const rubbish = fc.constantFrom(
    '',
    '\n',
    '\n{}\n',
    '\nnull\n',
    '\n42\n',
    '\n"text"\n',
    '\n[1]\n',
    '\n[[[[[[[[\n',
    '\n{"a":\n',
    '\u0000',
    '-1',
    '1e999',
    '"',
    '{}',
    '[]',
    'null',
    ',',
    '\\',
    '\uD800',
  );
  const mutation = fc.record({
    from: position,
    length: fc.nat({ max: 40 }),
    insert: rubbish,
    repeat: fc.boolean(),
  });
  return fc.array(mutation, { minLength: 1, maxLength: 4 }).map((list) => {
    let result = text;
    for (const { from, length, insert, repeat } of list) {
      const kept = repeat ? result.slice(from, from + length) : '';
      result = result.slice(0, from) + kept + kept + insert + result.slice(from + length);
    }
    return result;
  });
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
