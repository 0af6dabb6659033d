import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants, release } from 'node:os';
import * as zlib from 'node:zlib';

import { formatCount } from '../../core/units.ts';
import type { Finding } from '../../report/doctor.ts';
import { hostFacts, monotonicNs } from '../../system.ts';

/** What the machine gives: each fact is read by one function and judged by another. */
export async function machineFindings(
  load: LoadSize | undefined,
  today: string,
): Promise<Finding[]> {
  return [
    judgeNode(process.versions.node, today),
    judgeZstd('createZstdDecompress' in zlib),
    judgeCores(hostFacts().cores, cgroupCpus(readText('/sys/fs/cgroup/cpu.max'))),
    judgeOpenFiles(openFileLimit(readText('/proc/self/limits')), load),
    judgePorts(portRange(readText('/proc/sys/net/ipv4/ip_local_port_range')), load),
    judgeClock(clockStepNs(), readText(CLOCK_SOURCE)?.trim()),
    judgeLoopback(await listenOnLoopback()),
  ];
}

/** The largest scenario of the project. */
export interface LoadSize {
  readonly scenario: string;
  /** Upper bound of connections at the same time. */
  readonly connections: number;
}

const machine = (finding: Omit<Finding, 'group'>): Finding => ({ group: 'machine', ...finding });
const fine = (id: string, found: string): Finding =>
  machine({ id, level: 'ok', found, affects: null, mend: null });

/** Last day of security fixes by major version: github.com/nodejs/release, schedule.json. */
const END_OF_LIFE: Readonly<Record<string, string>> = {
  20: '2026-04-30',
  22: '2027-04-30',
  24: '2028-04-30',
  26: '2029-04-30',
};

/** The last odd line that ended after 6 to 9 months; from 27 on all are long-term (nodejs.org, 2026). */
const LAST_SHORT_LINE = 25;

/** @param today ISO date */
export function judgeNode(version: string, today: string): Finding {
  const [major = ''] = version.split('.');
  const end = END_OF_LIFE[major];
  const isPastOdd = Number(major) % 2 === 1 && Number(major) <= LAST_SHORT_LINE;
  if (!isPastOdd && (end === undefined || end >= today)) {
    return fine('node', `Node.js ${version}`);
  }
  const why = isPastOdd ? ': odd lines end after 6 to 9 months' : ` since ${end}`;
  return machine({
    id: 'node',
    level: 'warn',
    found: `Node.js ${version}, without security fixes${why}`,
    affects: 'agent-infra runs; the servers it starts are exposed to what is found from now on',
    mend: 'Install a long-term support version from nodejs.org (24 or later).',
  });
}

export function judgeZstd(known: boolean): Finding {
  if (known) return fine('zstd', 'Node.js reads zstd');
  return machine({
    id: 'zstd',
    level: 'note',
    found: 'this Node.js reads no zstd',
    affects: 'profile cannot read .zst traces by itself',
    mend: 'Use Node.js 22.15 or later, or: zstd -dc trace.zst | agent-infra profile -',
  });
}

/** CPUs that a container may use: `max 100000` or `150000 100000`; undefined without a bound. */
export function cgroupCpus(cpuMax: string | undefined): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)/.exec(cpuMax ?? '') ?? [];
  return quota === undefined ? undefined : Number(quota) / Number(period);
}

/** Load generator, gateway and simulated provider are busy at the same time. */
const CORES_WANTED = 2;

/** @param allowed by the container; undefined without a bound */
export function judgeCores(cores: number, allowed: number | undefined): Finding {
  const usable = Math.min(cores, allowed ?? cores);
  const found =
    allowed === undefined || allowed >= cores
      ? `${cores} core${cores === 1 ? '' : 's'}`
      : `${cores} cores, of which this container may use ${Number(allowed.toFixed(2))}`;
  if (usable >= CORES_WANTED) return fine('cores', found);
  return machine({
    id: 'cores',
    level: 'warn',
    found,
    affects:
      'load generator, gateway and simulated provider share them: latencies of a load test include the wait for a core',
    mend: 'Take a machine with two cores or more, or test a target elsewhere with --target.',
  });
}

/** "Max open files  1024  524288  files": the soft limit; undefined where the system has no such file. */
export function openFileLimit(limits: string | undefined): number | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '') ?? [];
  return soft === undefined ? undefined : soft === 'unlimited' ? Infinity : Number(soft);
}

/** Sockets are files; beside them stand the runtime's own, logs and samples. */
const OTHER_FILES = 100;
/** Without a scenario: calls at once that most load tests stay below. */
const USUAL_CONNECTIONS = 1000;

export function judgeOpenFiles(limit: number | undefined, load: LoadSize | undefined): Finding {
  if (limit === undefined) return notReadable('open-files', 'ulimit -n');
  const needed = (load?.connections ?? USUAL_CONNECTIONS) + OTHER_FILES;
  const found =
    limit === Infinity ? 'any number of open files' : `${formatCount(limit)} open files`;
  if (limit >= needed) return fine('open-files', `${found} (${wantedBy(load)})`);
  return machine({
    id: 'open-files',
    level: 'warn',
    found: `${found}, while ${wantedBy(load)}`,
    affects: 'calls beyond it fail with EMFILE, which looks like an error of the target',
    mend: `ulimit -n ${needed}, or LimitNOFILE of the service.`,
  });
}

/** "32768\t60999": how many ports a client may use towards one address. */
export function portRange(text: string | undefined): number | undefined {
  const [, first, last] = /^(\d+)\s+(\d+)/.exec(text ?? '') ?? [];
  return first === undefined ? undefined : Number(last) - Number(first) + 1;
}

export function judgePorts(ports: number | undefined, load: LoadSize | undefined): Finding {
  if (ports === undefined) return notReadable('loopback-ports', 'sysctl net.inet.ip.portrange');
  const found = `${formatCount(ports)} ports for connections to one address`;
  if (ports >= (load?.connections ?? USUAL_CONNECTIONS)) {
    return fine('loopback-ports', `${found} (${wantedBy(load)})`);
  }
  return machine({
    id: 'loopback-ports',
    level: 'warn',
    found: `${found}, while ${wantedBy(load)}`,
    affects: 'connections beyond them fail with EADDRNOTAVAIL',
    mend: 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
  });
}

function wantedBy(load: LoadSize | undefined): string {
  return load === undefined
    ? `enough for ${formatCount(USUAL_CONNECTIONS)} calls at once is usual`
    : `${load.scenario} may have ${formatCount(load.connections)} calls at once`;
}

const CLOCK_SOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
const CLOCK_READS = 2000;

/** The smallest step between two different readings of the monotonic clock. */
function clockStepNs(): number {
  let least = Infinity;
  let last = monotonicNs();
  for (let read = 0; read < CLOCK_READS; read += 1) {
    const now = monotonicNs();
    if (now !== last) least = Math.min(least, Number(now - last));
    last = now;
  }
  return least;
}

/** Latencies are recorded in microseconds; ten of them are lost in every other error. */
const COARSE_STEP_NS = 10_000;
/** Read through a device register: microseconds each, a system call every time. */
const SLOW_SOURCES = ['hpet', 'acpi_pm', 'jiffies'];

export function judgeClock(stepNs: number, source: string | undefined): Finding {
  const step = stepNs >= 1000 ? `${Math.round(stepNs / 1000)} µs` : `${stepNs} ns`;
  const found = `steps of ${step}${source === undefined ? '' : ` (${source})`}`;
  const isSlow = source !== undefined && SLOW_SOURCES.includes(source);
  if (stepNs < COARSE_STEP_NS && !isSlow) return fine('clock', found);
  return machine({
    id: 'clock',
    level: 'warn',
    found,
    affects:
      'latencies are no finer than that, and reading the clock costs the load generator time',
    mend: isSlow
      ? 'Choose a faster source where the machine has one (clocksource=tsc).'
      : 'Take another machine: the clock of this one is coarse.',
  });
}

/** Undefined when a server on 127.0.0.1 works, else why it does not. */
function listenOnLoopback(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(0, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
}

export function judgeLoopback(problem: string | undefined): Finding {
  if (problem === undefined) return fine('loopback', 'servers can listen on 127.0.0.1');
  return machine({
    id: 'loopback',
    level: 'fail',
    found: `no server can listen on 127.0.0.1 (${problem})`,
    affects: 'demo, gateway, provider, profile record and load tests with bundled servers',
    mend: 'Allow it in the sandbox or container, and bring the interface up: ip link set lo up',
  });
}

function notReadable(id: string, command: string): Finding {
  return machine({
    id,
    level: 'note',
    found: `not known on ${process.platform} ${release()}`,
    affects: null,
    mend: `Look with: ${command}`,
  });
}

/** A small file of the system; undefined where there is none. */
function readText(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    // Containers hide some of them.
    if (code in constants.errno) return undefined;
    throw thrown;
  }
}
