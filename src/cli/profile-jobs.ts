import { Worker } from 'node:worker_threads';

import { AgentInfraError } from '../errors.ts';
import { joinParts, readTraces } from '../traces/read.ts';
import type { ReadTracesResult } from '../traces/read.ts';
import { IdentityClaims, sharedHashes } from '../traces/split-claims.ts';
import { joined, splitInputs } from '../traces/split-inputs.ts';
import type { Part } from '../traces/split-inputs.ts';
import { ProfileFold } from '../workload/profile-fold.ts';
import type { ProfileOptions } from '../workload/profile-fold.ts';
import { profilePart, revived } from './profile-part.ts';
import type { PartProfile, PartProgress, PartSetup } from './profile-part.ts';
import type { WorkerMessage, WorkerOrder } from './profile-worker.ts';
import { rehearsePart } from './rehearse-part.ts';

export interface JobOptions {
  readonly format: string;
  readonly fold: ProfileOptions;
  /** Threads to use at most; 1 reads in this thread. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: JobProgress) => void;
  /** Whether the claims are wanted. */
  readonly claims?: boolean | undefined;
  /** Inputs smaller than this are read in this thread; for tests. */
  readonly minBytes?: number | undefined;
}

interface JobProgress {
  readonly file: string;
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly records: number;
}

export interface FoldedTraces {
  readonly fold: ProfileFold;
  readonly result: ReadTracesResult;
  /** Hashes of the sessions, messages and requests read (split-claims.ts); empty unless wanted. */
  readonly claims: Float64Array;
}

/**
 * Reads and folds traces, in several threads where that pays off: each folds neighbouring inputs,
 * and the folds are merged in the order of the inputs. The result is that of one thread; parts that
 * turn out to share sessions or messages are read once more, together.
 */
export async function foldTraces(
  inputs: readonly string[],
  options: JobOptions,
): Promise<FoldedTraces> {
  const parts = await splitInputs(inputs, options);
  options.signal.throwIfAborted();
  if (parts === undefined) return foldHere(inputs, options);
  const profiles = await foldParts(parts, options);
  const fold = new ProfileFold(options.fold);
  for (const profile of profiles) {
    fold.merge(profile.state!);
    // Merged and of no more use, but as large as all that was read.
    profile.state = undefined;
  }
  const result = joinParts(
    profiles.map(({ read }) => ({
      ...read,
      problem: read.problem === undefined ? undefined : (revived(read.problem) as AgentInfraError),
    })),
  );
  const claims = options.claims === true ? profiles.map((profile) => profile.claims) : [];
  return { fold, result, claims: inOneList(claims) };
}

/** Ascending. */
function inOneList(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all.sort();
}

async function foldHere(inputs: readonly string[], options: JobOptions): Promise<FoldedTraces> {
  const fold = new ProfileFold(options.fold);
  const claims = new IdentityClaims();
  const result = await readTraces(inputs, fold, {
    format: options.format,
    signal: options.signal,
    claims: options.claims === true ? claims : undefined,
    onProgress: (progress) => options.onProgress({ ...progress, records: fold.recordsRead }),
  });
  return { fold, result, claims: claims.hashes() };
}

async function foldParts(
  parts: readonly Part[],
  options: JobOptions,
): Promise<readonly PartProfile[]> {
  const progress = { bytesRead: 0, records: 0 };
  const bytesTotal = parts.flat().reduce((sum, { bytes, lines }) => {
    return sum + (lines === undefined ? bytes : lines.end - lines.start);
  }, 0);
  const onProgress = ({ file, bytes, records }: PartProgress): void => {
    progress.bytesRead += bytes;
    progress.records += records;
    options.onProgress({ file, bytesTotal, ...progress });
  };
  const profiles = await inThreads(parts, options, onProgress);
  const ranges = entangled(profiles.map(({ claims }) => claims));
  if (ranges.length === 0) return profiles;
  const again = ranges.map(([first, last]) => joined(parts.slice(first, last + 1)));
  const redone = await inThreads(again, options, onProgress);
  return profiles.flatMap((profile, index) => {
    const range = ranges.findIndex(([first, last]) => first <= index && index <= last);
    if (range === -1) return [profile];
    return ranges[range]![0] === index ? [redone[range]!] : [];
  });
}

/**
 * Young generation of a thread's heap, MB (V8's own is 48): what one line leaves behind is small, and
 * a smaller one is emptied while it is still in the processor's cache.
 */
const YOUNG_MB = 16;

/**
 * Stretches [first, last] of parts in which some share an identity. Whole stretches, because what
 * lies between two such parts decides, for example, whether a session is still open.
 */
function entangled(claims: readonly Float64Array[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (let first = 0; first < claims.length; first += 1) {
    let last = first;
    for (let other = claims.length - 1; other > first; other -= 1) {
      if (sharedHashes(claims[first]!, claims[other]!) === 0) continue;
      last = other;
      break;
    }
    const open = ranges.at(-1);
    if (open !== undefined && first <= open[1]) open[1] = Math.max(open[1], last);
    else if (last > first) ranges.push([first, last]);
  }
  return ranges;
}

/**
 * Deals the parts to threads, of which this one is one; all end when one fails or the signal comes.
 * A thread takes the next part when it is done with one, so that the slowest does not decide.
 */
async function inThreads(
  parts: readonly Part[],
  { jobs, format, fold, signal }: JobOptions,
  onProgress: (progress: PartProgress) => void,
): Promise<PartProfile[]> {
  const results: PartProfile[] = [];
  const failures = new Map<number, Error>();
  const setup: PartSetup = { format, fold };
  let next = 0;
  /** Gives the places of the parts that were read. */
  const work = async (read: (part: Part) => Promise<void>): Promise<readonly number[]> => {
    const places: number[] = [];
    // A failure in an early part is the one that a single thread would have met.
    while (next < parts.length && failures.size === 0 && !signal.aborted) {
      const place = next;
      next += 1;
      try {
        await read(parts[place]!);
        places.push(place);
      } catch (thrown) {
        failures.set(place, thrown as Error);
      }
    }
    return places;
  };
  const workHere = async (): Promise<void> => {
    // The first part that no other thread has taken.
    await rehearsePart(parts[next] ?? [], setup, true);
    const own: PartProfile[] = [];
    const places = await work(async (part) => {
      own.push(await profilePart(part, setup, { onProgress, signal }));
    });
    for (const [index, place] of places.entries()) results[place] = own[index]!;
  };
  const workThere = async (worker: Worker): Promise<void> => {
    const places = await work(async (part) => void (await answer(worker, part, onProgress)));
    if (places.length === 0 || failures.size > 0 || signal.aborted) return;
    try {
      const given = await answer(worker, 'results', onProgress);
      for (const [index, place] of places.entries()) results[place] = given[index]!;
    } catch (thrown) {
      // Ended meanwhile, by the signal for one; the other threads are waited for all the same.
      failures.set(places[0]!, thrown as Error);
    }
  };
  const workers = Array.from(
    { length: Math.min(jobs, parts.length) - 1 },
    () =>
      new Worker(new URL('profile-worker.js', import.meta.url), {
        workerData: setup,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      }),
  );
  const stop = (): void => workers.forEach((worker) => void worker.terminate());
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all([...workers.map(workThere), workHere()]);
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  signal.throwIfAborted();
  const first = Math.min(...failures.keys());
  const failure = failures.get(first);
  if (failure !== undefined) throw failure;
  return results;
}

/** What the worker has read when it is asked for its results; nothing after a part. */
function answer(
  worker: Worker,
  order: WorkerOrder,
  onProgress: (progress: PartProgress) => void,
): Promise<readonly PartProfile[]> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      worker.off('message', hear).off('error', fail).off('exit', end);
      action();
    };
    const hear = (message: WorkerMessage): void => {
      if (message.kind === 'progress') onProgress(message);
      else if (message.kind === 'failed') settle(() => reject(revived(message.error)));
      else settle(() => resolve(message.kind === 'done' ? [] : message.results));
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const end = (): void => settle(() => reject(new Error('a reading thread ended early')));
    worker.on('message', hear).on('error', fail).on('exit', end);
    worker.postMessage(order);
  });
}
