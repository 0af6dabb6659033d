import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import { cpuUsage, memoryUsage } from 'node:process';

import type { Clock } from '../core/clock.ts';
import { MS_PER_SECOND } from '../core/units.ts';

/** The generator's own condition since the last reading; null where the system does not tell. */
interface HostReading {
  readonly loopDelayP99: number | null;
  readonly loopDelayMax: number | null;
  readonly runDelayPerS: number | null;
  readonly cpu: number | null;
  readonly rssMb: number | null;
}

export interface HostMonitor {
  read(): HostReading;
  close(): void;
}

/** For engines that are not this process, and for virtual time. */
export const UNKNOWN_HOST: HostMonitor = {
  read: () => ({
    loopDelayP99: null,
    loopDelayMax: null,
    runDelayPerS: null,
    cpu: null,
    rssMb: null,
  }),
  close: () => {},
};

/** Period of the loop's probe timer; a probe is late by what the loop was busy. */
const RESOLUTION_MS = 5;
const NS_PER_MS = 1e6;
const US_PER_MS = 1000;
const BYTES_PER_MB = 1e6;

/** Fields of Linux schedstat: time on CPU, time waiting for one (both ns), timeslices. */
const SCHEDSTAT = '/proc/thread-self/schedstat';

/** Watches the calling thread: its event loop and, on Linux, how long it waited for a CPU. */
export function watchHost(clock: Clock): HostMonitor {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loop.enable();
  let last = { at: clock.now(), waitedMs: runDelayMs(), cpu: cpuUsage() };
  return {
    read: () => {
      const now = { at: clock.now(), waitedMs: runDelayMs(), cpu: cpuUsage() };
      const seconds = Math.max(now.at - last.at, 1) / MS_PER_SECOND;
      const busyMs = (now.cpu.user + now.cpu.system - last.cpu.user - last.cpu.system) / US_PER_MS;
      const reading = {
        ...loopDelay(loop),
        runDelayPerS:
          now.waitedMs === undefined || last.waitedMs === undefined
            ? null
            : rounded((now.waitedMs - last.waitedMs) / seconds),
        cpu: rounded(busyMs / MS_PER_SECOND / seconds),
        rssMb: rounded(memoryUsage.rss() / BYTES_PER_MB),
      };
      loop.reset();
      last = now;
      return reading;
    },
    close: () => loop.disable(),
  };
}

/** The histogram holds whole periods of the probe; what lies above its resolution is delay. */
function loopDelay(loop: IntervalHistogram): Pick<HostReading, 'loopDelayP99' | 'loopDelayMax'> {
  if (loop.count === 0) return { loopDelayP99: null, loopDelayMax: null };
  const delay = (ns: number): number => rounded(Math.max(0, ns / NS_PER_MS - RESOLUTION_MS));
  return { loopDelayP99: delay(loop.percentile(99)), loopDelayMax: delay(loop.max) };
}

function runDelayMs(): number | undefined {
  try {
    // Synchronous on purpose: an asynchronous read would run on a pool thread and read that one's.
    const waited = readFileSync(SCHEDSTAT, 'utf8').split(' ')[1];
    return waited === undefined ? undefined : Number(waited) / NS_PER_MS;
  } catch {
    return undefined; // not Linux, or hidden
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
