import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { INSTRUCTIONS, QUESTIONS, SUB_INSTRUCTIONS, TOOLS } from '../../src/cli/demo/agent-text.ts';
import { DEMO_KEY } from '../../src/cli/demo/documents.ts';
import type { DemoReport } from '../../src/report/demo.ts';
import { htmlFaults } from '../report/well-formed.ts';
import { binary } from '../support/requirements.ts';

/** Three times what it takes on two busy cores: only a hang is longer. */
const LONGEST_MS = 150_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real binary; `interruptAfter` sends SIGINT once stderr says that. */
function demo(cwd: string, args: readonly string[], interruptAfter?: string): Promise<Ended> {
  const child = spawn(process.execPath, [binary, 'demo', ...args], {
    cwd,
    env: { ...process.env, CI: 'true', FORCE_COLOR: '' },
    timeout: LONGEST_MS,
  });
  let [stdout, stderr] = ['', ''];
  let isInterrupted = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (interruptAfter === undefined || isInterrupted || !stderr.includes(interruptAfter)) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('agent-infra demo', () => {
  let ended: Ended;
  const out = join(folder, 'reports', 'demo');
  const read = (name: string): string => readFileSync(join(out, name), 'utf8');

  beforeAll(async () => {
    ended = await demo(folder, []);
  }, LONGEST_MS);

  test('succeeds, says each step, and prints the findings', () => {
    expect(ended.stderr).not.toContain('error');
    expect(ended.code).toBe(0);
    for (const step of [
      'recording',
      'profiled',
      'planned',
      'forecast',
      'load-testing',
      'done in',
    ]) {
      expect(ended.stderr).toContain(step);
    }
    expect(ended.stdout).toMatch(/\d+ of 10 predicted figures held/);
    expect(ended.stdout).toContain('Predicted, then measured');
  });

  test('leaves everything a reader needs to look further', () => {
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining([
        'report.html',
        'report.txt',
        'summary.json',
        'profile.yaml',
        'plan.yaml',
        'plan.json',
        'scenario.yaml',
        'provider.yaml',
        'gateway.yaml',
        'samples.jsonl',
      ]),
    );
  });

  test('the recording has the sessions that ran, and the forecast meets the run', () => {
    const report = JSON.parse(read('summary.json')) as DemoReport;
    expect(report.schema).toBe('agent-infra/demo');
    const { recording, comparison } = report;
    expect(recording).toMatchObject({ sessions: 36, failures: 0 });
    expect(comparison).toHaveLength(10);
    expect(comparison.filter(({ verdict }) => verdict === 'not measured')).toEqual([]);
    // Figures that no busy machine can move far: what was sent, and what the cache served.
    for (const name of ['Input tokens', 'Output tokens', 'Input read from the cache']) {
      const row = comparison.find((each) => each.name === name)!;
      expect.soft(row.measured! / row.predicted!.value, name).toBeGreaterThan(0.8);
      expect.soft(row.measured! / row.predicted!.value, name).toBeLessThan(1.25);
    }
  });

  test('the profile tells turns, tools and fan-out of the agent', () => {
    const profile = read('profile.yaml');
    for (const { name } of TOOLS) expect(profile).toContain(name);
    const report = JSON.parse(read('summary.json')) as DemoReport;
    expect(profile).toMatch(new RegExp(`turns:\\n {2}count: ${report.recording.turns}\\n`));
  });

  test('the page is well formed, self-contained and free of scripts', () => {
    const page = read('report.html');
    expect(htmlFaults(page)).toEqual([]);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test('no file holds what was said, or the gateway key outside its config', () => {
    const said = [
      INSTRUCTIONS,
      SUB_INSTRUCTIONS,
      ...QUESTIONS,
      ...TOOLS.map((tool) => tool.description),
    ];
    // Pieces of the texts, since a leak may be cut; three words are enough to tell them apart.
    const pieces = said.flatMap((text) => text.split(/[.,?]/)).map((piece) => piece.trim());
    const telling = [...new Set(pieces.filter((piece) => piece.split(' ').length >= 3))];
    expect(telling.length).toBeGreaterThan(10);
    const leaks = readdirSync(out)
      .filter((name) => !name.endsWith('.png'))
      .flatMap((file) => {
        const text = read(file);
        const isConfig = file === 'gateway.yaml' || file === 'scenario.yaml';
        const secrets = isConfig ? [] : [DEMO_KEY];
        return [...telling, ...secrets]
          .filter((piece) => text.includes(piece))
          .map((piece) => `${file}: ${piece}`);
      });
    expect(leaks).toEqual([]);
  });
});

test(
  'Ctrl-C stops the servers, keeps what was written and says so',
  async () => {
    const { code, stderr } = await demo(folder, ['-o', 'cut'], 'recording');
    expect(stderr).toContain('interrupted; written so far: cut/provider.yaml');
    expect(code).toBe(130);
    expect(readdirSync(join(folder, 'cut'))).not.toContain('report.html');
  },
  LONGEST_MS,
);

test('a folder that cannot be written is one clear line', async () => {
  const { code, stderr } = await demo(folder, ['-o', binary]);
  expect(code).toBe(2);
  expect(stderr).toContain('error [output.unwritable]');
});
