import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { randomStreams } from '../../src/core/random.ts';
import { sessionSampler } from '../../src/workload/sessions.ts';
import { root } from '../support/requirements.ts';

const folder = join(root, 'profiles/workloads');
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

test('there are bundled workloads, and the index lists each', () => {
  expect(files.length).toBeGreaterThanOrEqual(6);
  const index = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const file of files) expect(index).toContain(`| \`${file}\` |`);
});

describe.for(files)('%s', (file) => {
  test('is named as its file, and says where it comes from', async () => {
    const profile = await loadWorkloadProfile(join(folder, file));
    expect(`${profile.name}.yaml`).toBe(file);
    expect(profile.calls.count).toBeGreaterThan(100);
    const comments = readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('#'));
    expect(comments.join('\n')).toMatch(/licen[cs]e|CC BY|Apache|MIT|recorded by agent-infra/i);
  });

  test('gives sessions whose mean tokens are those of the profile', async () => {
    const profile = await loadWorkloadProfile(join(folder, file));
    const sample = sessionSampler(profile, randomStreams('bundled'));
    let calls = 0;
    let output = 0;
    for (let index = 0; index < 2000; index += 1) {
      for (const turn of sample(index).turns) {
        for (const step of turn.steps) {
          if (step.kind !== 'llm') continue;
          calls += 1;
          output += step.tokens.output;
        }
      }
    }
    const mean = profile.tokens.output!.mean;
    expect(output / calls).toBeGreaterThan(0.85 * mean);
    expect(output / calls).toBeLessThan(1.15 * mean);
  });
});
