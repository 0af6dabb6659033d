import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

import type { CancelTimer, Clock } from './core/clock.ts';

/** The only file that reads real time, the environment and signals. Edges import it; pure folders never do. */

/** setTimeout fires at once for longer delays (32-bit milliseconds). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Monotonic real time. Origin: start of the process. */
export class RealClock implements Clock {
  now(): number {
    return performance.now();
  }

  at(atMs: number, action: () => void): CancelTimer {
    if (Number.isNaN(atMs)) throw new RangeError('RealClock.at: time is NaN');
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = atMs - performance.now();
      // setTimeout may fire up to 1 ms early; the action must not see a time before its own.
      timer = left > LONGEST_TIMER_MS ? setTimeout(arm, LONGEST_TIMER_MS) : setTimeout(fire, left);
    };
    const fire = (): void => {
      if (performance.now() < atMs) arm();
      else action();
    };
    arm();
    return () => clearTimeout(timer);
  }
}

export const realClock: Clock = new RealClock();

/** Milliseconds since the Unix epoch, monotonic within the process, with sub-millisecond fraction. */
export function wallNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Nanoseconds of CLOCK_MONOTONIC, comparable between processes of one host. */
export function monotonicNs(): bigint {
  return process.hrtime.bigint();
}

/** For file names and documents. Honours SOURCE_DATE_EPOCH so that builds are reproducible. */
export function nowIso(): string {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  return new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString();
}

export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

export interface HostFacts {
  readonly cores: number;
  readonly node: string;
  readonly os: string;
}

export function hostFacts(): HostFacts {
  return {
    cores: availableParallelism(),
    node: process.version,
    os: `${process.platform} ${process.arch}`,
  };
}

/** True when a person watches: a terminal, and not a CI job. */
export function isInteractive(stream: { readonly isTTY?: boolean }): boolean {
  const { CI: ci, TERM: term } = process.env;
  return (
    stream.isTTY === true && (ci === undefined || ci === '' || ci === 'false') && term !== 'dumb'
  );
}

/** Colour decision: NO_COLOR, FORCE_COLOR, then the terminal. */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force } = process.env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '' && force !== '0') return true;
  return isInteractive(stream);
}

/**
 * Width of a terminal; undefined for files and pipes, where lines stay whole, and for terminals
 * that do not know their size (0), as of script(1).
 */
export function columnsOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY && stream.columns > 0 ? stream.columns : undefined;
}

/** What `--color` and `--no-color` say, as the environment would: child processes follow, too. */
export function setColour(wanted: boolean): void {
  delete process.env['NO_COLOR'];
  delete process.env['FORCE_COLOR'];
  process.env[wanted ? 'FORCE_COLOR' : 'NO_COLOR'] = '1';
}

/**
 * Calls `onFirst` on the first SIGINT or SIGTERM; the second calls `onSecond` and ends the process.
 * Returns the function that takes the handlers off again.
 */
export function onInterrupt(
  onFirst: (signal: 'SIGINT' | 'SIGTERM') => void,
  onSecond?: () => void,
): () => void {
  let seen = false;
  const handle = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (seen) {
      onSecond?.();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    seen = true;
    onFirst(signal);
  };
  const interrupt = (): void => handle('SIGINT');
  const terminate = (): void => handle('SIGTERM');
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  return () => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
  };
}

export interface ProcessUsage {
  /** User and system CPU time of this process since its start. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}
