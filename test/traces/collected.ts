import { resolve } from 'node:path';

import type {
  EstimateReport,
  LlmCall,
  Session,
  Step,
  ToolCall,
  TraceSink,
  UsageBucket,
} from '../../src/core/trace.ts';
import { readTraces, type ReadTracesResult } from '../../src/traces/read.ts';
import { missingSharedData, sharedData } from '../support/requirements.ts';

/** Everything a read reported, for assertions. */
export interface Collected extends ReadTracesResult {
  readonly calls: readonly LlmCall[];
  readonly sessions: readonly Session[];
  readonly skips: readonly (readonly [reason: string, where: string | undefined])[];
  readonly duplicates: Readonly<Record<string, number>>;
  readonly readCount: number;
  readonly buckets: readonly UsageBucket[];
  readonly estimates: readonly EstimateReport[];
}

export async function collect(inputs: readonly string[], format?: string): Promise<Collected> {
  return collecting((sink) => readTraces(inputs, sink, { format }));
}

/** Reads text (or bytes) as stdin, in chunks of an awkward size. */
export async function collectText(
  content: string | Buffer,
  format?: string,
  chunkBytes = 1000,
): Promise<Collected> {
  return collecting((sink) =>
    readTraces(['-'], sink, { format, stdin: chunked(Buffer.from(content), chunkBytes) }),
  );
}

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collecting(
  read: (sink: TraceSink) => Promise<ReadTracesResult>,
): Promise<Collected> {
  const calls: LlmCall[] = [];
  const sessions: Session[] = [];
  const skips: [string, string | undefined][] = [];
  const duplicates: Record<string, number> = {};
  const buckets: UsageBucket[] = [];
  const estimates: EstimateReport[] = [];
  let readCount = 0;
  const result = await read({
    call: (call) => calls.push(call),
    session: (session) => sessions.push(session),
    estimates: (reports) => estimates.push(...reports),
    bucket: (bucket) => buckets.push(bucket),
    read: (count) => (readCount += count),
    skip: (reason, where) => skips.push([reason, where]),
    duplicate: (reason, count) => (duplicates[reason] = (duplicates[reason] ?? 0) + count),
  });
  return { ...result, calls, sessions, skips, duplicates, readCount, buckets, estimates };
}

export function stepsOf(sessions: readonly Session[]): readonly Step[] {
  return sessions.flatMap(({ turns }) => turns.flatMap(({ steps }) => steps));
}

/** Calls of rows and of sessions, in the order they were reported. */
export function allCalls({ calls, sessions }: Collected): readonly LlmCall[] {
  return [...calls, ...stepsOf(sessions).filter((step) => step.kind === 'llm')];
}

export function toolsOf({ sessions }: Collected): readonly ToolCall[] {
  return stepsOf(sessions).filter((step) => step.kind === 'tool');
}

/** For `test.skipIf`: the sample traces are not part of the project; CI has them. */
export const noTraces = missingSharedData('traces');

export function sharedTrace(path: string): string {
  return resolve(sharedData, 'traces', path);
}
