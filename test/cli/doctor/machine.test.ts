import { describe, expect, test } from 'vitest';

import {
  cgroupCpus,
  judgeClock,
  judgeCores,
  judgeLoopback,
  judgeNode,
  judgeOpenFiles,
  judgePorts,
  judgeZstd,
  openFileLimit,
  portRange,
} from '../../../src/cli/doctor/machine.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             63432                63432                processes
Max open files            1024                 524288               files
`;

describe('what the system says', () => {
  test.for([
    { why: 'Linux', text: LIMITS, limit: 1024 },
    { why: 'without a bound', text: LIMITS.replace('1024  ', 'unlimited'), limit: Infinity },
    { why: 'another system', text: undefined, limit: undefined },
    { why: 'another text', text: 'Max processes 3', limit: undefined },
  ])('open files: $why', ({ limit, text }) => {
    expect(openFileLimit(text)).toBe(limit);
  });

  test.for([
    { why: 'no quota', text: 'max 100000\n', cpus: undefined },
    { why: 'a core and a half', text: '150000 100000\n', cpus: 1.5 },
    { why: 'no such file', text: undefined, cpus: undefined },
  ])('CPUs of a container: $why', ({ cpus, text }) => {
    expect(cgroupCpus(text)).toBe(cpus);
  });

  test('ports count both ends', () => {
    expect(portRange('32768\t60999\n')).toBe(28_232);
    expect(portRange(undefined)).toBeUndefined();
  });
});

const load = { scenario: 'big.yaml', connections: 5000 };

describe('what it means', () => {
  test.for([
    { why: 'maintained', finding: judgeNode('22.20.0', '2026-11-21'), level: 'ok' },
    { why: 'on its last day', finding: judgeNode('22.20.0', '2027-04-30'), level: 'ok' },
    { why: 'a day later', finding: judgeNode('22.20.0', '2027-05-01'), level: 'warn' },
    { why: 'odd, and ended', finding: judgeNode('21.7.3', '2026-11-21'), level: 'warn' },
    {
      why: 'the last odd one that ended',
      finding: judgeNode('25.9.0', '2026-11-21'),
      level: 'warn',
    },
    { why: 'newer than the table', finding: judgeNode('31.0.0', '2040-01-01'), level: 'ok' },
    { why: 'no zstd matters to those who have it', finding: judgeZstd(false), level: 'note' },
    { why: 'two cores', finding: judgeCores(2, undefined), level: 'ok' },
    { why: 'one core', finding: judgeCores(1, undefined), level: 'warn' },
    { why: 'eight cores, one allowed', finding: judgeCores(8, 1), level: 'warn' },
    { why: 'eight cores, all allowed', finding: judgeCores(8, 8), level: 'ok' },
    { why: 'files for a usual test', finding: judgeOpenFiles(1100, undefined), level: 'ok' },
    { why: 'one file too few', finding: judgeOpenFiles(1099, undefined), level: 'warn' },
    { why: 'too few for this scenario', finding: judgeOpenFiles(4096, load), level: 'warn' },
    { why: 'no bound', finding: judgeOpenFiles(Infinity, load), level: 'ok' },
    { why: 'not known is not fine', finding: judgeOpenFiles(undefined, load), level: 'note' },
    { why: 'ports enough', finding: judgePorts(5000, load), level: 'ok' },
    { why: 'ports too few', finding: judgePorts(4999, load), level: 'warn' },
    { why: 'ports not known', finding: judgePorts(undefined, load), level: 'note' },
    { why: 'a fine clock', finding: judgeClock(40, 'tsc'), level: 'ok' },
    { why: 'a coarse clock', finding: judgeClock(15_600_000, undefined), level: 'warn' },
    { why: 'fine steps, read through a register', finding: judgeClock(70, 'hpet'), level: 'warn' },
    { why: 'loopback', finding: judgeLoopback(undefined), level: 'ok' },
    { why: 'no loopback', finding: judgeLoopback('EPERM'), level: 'fail' },
  ])('$why: $level', ({ finding, level }) => {
    expect(finding.level).toBe(level);
    // Whoever is told of a problem is told what to do.
    expect(finding.level === 'ok' || finding.mend !== null).toBe(true);
  });

  test('the mend gives the number that is needed', () => {
    expect(judgeOpenFiles(1024, load)).toMatchObject({
      found: '1,024 open files, while big.yaml may have 5,000 calls at once',
      mend: 'ulimit -n 5100, or LimitNOFILE of the service.',
    });
  });
});
