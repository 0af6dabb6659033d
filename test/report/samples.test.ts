import { readdirSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { expect, test } from 'vitest';

import { INSTRUCTIONS, QUESTIONS, SUB_INSTRUCTIONS, TOOLS } from '../../src/cli/demo/agent-text.ts';
import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { readTraces } from '../../src/traces/read.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { root } from '../support/requirements.ts';

const folder = resolve(root, 'profiles/samples');
const recording = resolve(folder, 'research-agent.recording.jsonl');

test('the sample recording gives the sample profile', async () => {
  const fold = new ProfileFold();
  const { format, records } = await readTraces([recording], fold);
  const profile = fold.profile({ name: 'research-agent', format, files: [] });
  expect(records.skipped).toBe(0);
  const stored = await loadWorkloadProfile(resolve(folder, 'research-agent.profile.yaml'));
  expect(profile.sessions.count).toBe(14);
  expect(stored.turns.count).toBe(profile.turns.count);
  expect(stored.calls).toEqual(profile.calls);
  expect(stored.tokens.input?.sum).toBe(profile.tokens.input?.sum);
  expect(stored.skeletons).toHaveLength(14);
});

test('samples hold no text and stay small', () => {
  const said = [
    INSTRUCTIONS,
    SUB_INSTRUCTIONS,
    ...QUESTIONS,
    ...TOOLS.map((tool) => tool.description),
  ];
  const pieces = said
    .flatMap((text) => text.split(/[.,?]/))
    .map((piece) => piece.trim())
    .filter((piece) => piece.split(' ').length >= 3);
  for (const name of readdirSync(folder)) {
    const text = readFileSync(resolve(folder, name), 'utf8');
    expect
      .soft(
        pieces.filter((piece) => text.includes(piece)),
        name,
      )
      .toEqual([]);
    expect.soft(statSync(resolve(folder, name)).size, name).toBeLessThan(250_000);
  }
});
