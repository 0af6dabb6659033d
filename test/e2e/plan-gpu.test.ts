import { spawnSync } from 'node:child_process';

import { describe, expect, test } from 'vitest';

import { binary } from '../support/requirements.ts';

function planGpu(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, 'plan', 'gpu', ...args], {
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
}

const question =
  '--model Llama-3.1-8B --gpu H100-SXM-80GB --rate 20/s --input 4k --uncached 1500 --output 300'.split(
    ' ',
  );

describe('agent-infra plan gpu', () => {
  test('sizes a pool in words, with price and basis', () => {
    const { status, stdout, stderr } = planGpu(...question, '--ttft', '1s', '--itl', '30ms');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/replicas +\d+ \(\d+ to \d+\), 1 GPU each/);
    expect(stdout).toContain('per GPU-hour, checked');
  });

  test('as JSON, with the sources of its facts', () => {
    const { stdout } = planGpu(...question, '--json');
    const plan = JSON.parse(stdout) as { schema: string; gpus: number; sources: unknown[] };
    expect(plan.schema).toBe('agent-infra/gpu-pool');
    expect(plan.gpus).toBeGreaterThan(0);
    expect(plan.sources).toHaveLength(3);
  });

  test('lists what it knows', () => {
    const { stdout } = planGpu('--list');
    expect(stdout).toContain('H100-SXM-80GB');
    expect(stdout).toContain('Qwen3-30B-A3B');
  });

  test.for([
    {
      why: 'an unknown GPU',
      args: ['--model', 'Llama-3.1-8B', '--gpu', 'H100-SXM-80G'],
      message: 'did you mean "H100-SXM-80GB"?',
    },
    { why: 'no model', args: [], message: 'plan gpu needs --model' },
    { why: 'a rate without unit', args: ['--rate', '20'], message: 'expected a rate such as 12/s' },
    {
      why: 'a model that does not fit',
      args: [
        '--model',
        'Llama-3.1-405B',
        '--gpu',
        'L4',
        '--rate',
        '1/s',
        '--input',
        '1k',
        '--output',
        '100',
      ],
      message: 'does not fit',
    },
    {
      why: 'a goal out of reach',
      args: [...question, '--itl', '1ms'],
      message: 'misses the goal for time per output token',
    },
  ])('refuses $why with exit 2', ({ args, message }) => {
    const { status, stderr } = planGpu(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
