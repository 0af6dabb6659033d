import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import type { ProviderConfig } from '../config/provider.ts';
import { AgentInfraError, fileReason } from '../errors.ts';
import { countOf, listOf, parseJson, recordOf } from '../http/dialect-json.ts';
import type { DrawTimes } from './paced-timing.ts';

/** Send times of one recorded stream. */
export interface RecordedCall {
  /** From acceptance to the first frame with output. */
  readonly firstMs: number;
  /** Between the frames that followed. */
  readonly gapsMs: readonly number[];
}

const NS_PER_MS = 1e6;

/** Recorded calls by model id, for the models whose timing is a replay. */
export async function readRecordings(
  config: ProviderConfig,
): Promise<ReadonlyMap<string, readonly RecordedCall[]>> {
  const recordings = new Map<string, readonly RecordedCall[]>();
  for (const { id, timing } of config.models) {
    if (timing.kind === 'replay') recordings.set(id, await readRecordedTimes(timing.file));
  }
  return recordings;
}

/**
 * Reads JSON lines: the provider's own request log (`--log`; whole streams only), or one
 * `{"firstMs": 412, "gapsMs": [18, 21]}` per call. Other lines are passed over.
 * @throws AgentInfraError when the file cannot be read or holds no call
 */
export async function readRecordedTimes(file: string): Promise<readonly RecordedCall[]> {
  const calls: RecordedCall[] = [];
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  try {
    for await (const line of lines) {
      const call = callOf(parseJson(line));
      if (call !== undefined) calls.push(call);
    }
  } catch (cause) {
    throw new AgentInfraError('trace.unreadable', `${file}: ${fileReason(cause)}`, { cause });
  }
  if (calls.length > 0) return calls;
  throw new AgentInfraError('trace.empty', `${file}: no recorded stream to replay`, {
    hint: 'Record one with "agent-infra provider --log", or write lines of {"firstMs", "gapsMs"}.',
  });
}

function callOf(line: unknown): RecordedCall | undefined {
  const fields = recordOf(line);
  if (fields === undefined) return undefined;
  const sentNs = listOf(fields['chunkNs']).map(countOf);
  if (sentNs.length > 0) {
    if (fields['outcome'] !== 'complete' || fields['stream'] !== true) return undefined;
    const sentMs = sentNs.map((ns) => (ns ?? Number.NaN) / NS_PER_MS);
    return checked(
      sentMs[0]!,
      sentMs.slice(1).map((ms, index) => ms - sentMs[index]!),
    );
  }
  const gapsMs = listOf(fields['gapsMs']).map((gap) => countOf(gap) ?? Number.NaN);
  return checked(countOf(fields['firstMs']) ?? Number.NaN, gapsMs);
}

/** A call with a time that is none, or runs backwards, is no recording. */
function checked(firstMs: number, gapsMs: readonly number[]): RecordedCall | undefined {
  const isWhole = firstMs >= 0 && gapsMs.every((gap) => gap >= 0);
  return isWhole ? { firstMs, gapsMs } : undefined;
}

/**
 * Times of recorded calls, drawn by the request's own stream; a reply longer than its recording
 * goes through the gaps again.
 * @param speed 2 plays twice as fast
 */
export function replayTimes(calls: readonly RecordedCall[], speed: number): DrawTimes {
  return (job) => {
    const { firstMs, gapsMs } = job.random().pick(calls);
    let position = 0;
    return {
      firstMs: () => firstMs / speed,
      gapsMs: (count) => {
        if (gapsMs.length === 0) return 0;
        let sum = 0;
        for (let gap = 0; gap < count; gap += 1) {
          sum += gapsMs[position % gapsMs.length]!;
          position += 1;
        }
        return sum / speed;
      },
    };
  };
}
