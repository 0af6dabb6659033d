import { assert, property } from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';

import { ConfigError } from '../../src/config/problem.ts';
import type { ConfigProblem } from '../../src/config/problem.ts';
import {
  loadWorkloadProfile,
  parseWorkloadProfile,
  workloadProfileSchema,
  workloadProfileYaml,
} from '../../src/config/workload-profile.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { sessions } from '../workload/session-arbitrary.ts';
import { llm, session, tool } from '../workload/trace-builders.ts';

function folded(add: (fold: ProfileFold) => void): ReturnType<ProfileFold['profile']> {
  const fold = new ProfileFold();
  add(fold);
  return fold.profile({ name: 'test', format: 'test', files: ['a.jsonl'] });
}

describe('workload profile documents', () => {
  it('come back as they were written', () => {
    const profile = folded((fold) => {
      for (let index = 0; index < 150; index += 1) {
        const startMs = 1.7e12 + index * 700;
        fold.session(
          session(`s${index}`, [
            [
              llm({ id: 'a', startMs, model: 'm', ttftMs: 200 }),
              tool({ id: 'b', after: ['a'], startMs: startMs + 1000, endMs: startMs + 1500 }),
            ],
          ]),
        );
      }
      fold.read(150);
      fold.skip('broken line');
    });
    expect(profile.skeletons).toHaveLength(150);
    expect(parseWorkloadProfile(workloadProfileYaml(profile), 'p.yaml')).toEqual(profile);
  });

  it('come back as they were written, whatever the sessions', () => {
    assert(
      property(sessions(), (list) => {
        const profile = folded((fold) => {
          for (const one of list) fold.session(one);
        });
        expect(parseWorkloadProfile(workloadProfileYaml(profile), 'p.yaml')).toEqual(
          JSON.parse(JSON.stringify(profile)),
        );
      }),
      { numRuns: 50 },
    );
  });

  test.for(['\u2028', 'a\u0085b', '\uFEFF', '- #', 'yes', '1e3', ' '])(
    'keep the tool name %j',
    (name) => {
      const profile = folded((fold) => fold.session(session('a', [[tool({ name, endMs: 5 })]])));
      const back = parseWorkloadProfile(workloadProfileYaml(profile), 'p.yaml');
      expect(Object.keys(back.tools)).toEqual([name]);
      expect(back.skeletons).toEqual(profile.skeletons);
    },
  );

  it('hold one session per line, so that versions can be compared', () => {
    const profile = folded((fold) => {
      fold.session(session('a', [[llm({})]]));
      fold.session(session('b', [[llm({})]]));
    });
    const lines = workloadProfileYaml(profile).split('\n');
    const first = lines.indexOf('skeletons: |') + 1;
    expect(first).toBeGreaterThan(0);
    expect(lines.slice(first).filter((line) => line.startsWith('  {"turns":['))).toHaveLength(2);
  });

  test.for([
    { why: 'not JSON', line: '{"turns": [', message: 'this line is not JSON' },
    { why: 'no turns', line: '{}', message: 'turns:' },
    {
      why: 'a step that waits for a later one would hang a replay',
      line: '{"turns":[{"thinkMs":0,"steps":[{"kind":"tool","id":"a","after":["b"],"name":"x","durationMs":1}]}]}',
      message: 'step "a" waits for "b", which is not an earlier step of its turn',
    },
    {
      why: 'negative durations',
      line: '{"turns":[{"thinkMs":-1,"steps":[{"kind":"tool","id":"a","after":[],"name":"x","durationMs":1}]}]}',
      message: 'thinkMs',
    },
  ])('a bad session names its own line: $why', ({ line, message }) => {
    const good = workloadProfileYaml(folded((fold) => fold.session(session('a', [[llm({})]]))));
    const text = `${good}  ${line}\n`;
    const wanted = text.split('\n').length - 1;
    expect(problemsOf(text)).toEqual([
      expect.objectContaining({ file: 'p.yaml', line: wanted, column: 3 }),
    ]);
    expect(problemsOf(text)[0]!.message).toContain(message);
  });

  it('may be written by hand with what is known', () => {
    const text = `
apiVersion: agent-infra/v1
kind: WorkloadProfile
name: by hand
window: {durationSeconds: 60}
sessions: {count: null}
turns: {}
calls: {count: 10, attempts: 10, errors: 0, tokensEstimated: 0, tokensMissing: 0}
tokens: {}
latency: {}
concurrency: {}
cache: {}
`;
    const profile = parseWorkloadProfile(text, 'p.yaml');
    expect(profile.tokens.input).toBeNull();
    expect(profile.arrivals).toBeNull();
    expect(profile.skeletons).toEqual([]);
  });

  it('reports a wrong field with file, line and column', () => {
    const text = 'apiVersion: agent-infra/v1\nkind: WorkloadProfile\nname: x\ncalls: {count: -1}\n';
    expect(() => parseWorkloadProfile(text, 'p.yaml')).toThrow(/p\.yaml:4:16 calls\.count: /);
  });

  it('reads from disk', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'profile-'));
    try {
      const profile = folded((fold) => fold.call(llm({ startMs: 1.7e12 })));
      await writeFile(join(folder, 'p.yaml'), workloadProfileYaml(profile));
      expect(await loadWorkloadProfile(join(folder, 'p.yaml'))).toEqual(profile);
      await expect(loadWorkloadProfile(join(folder, 'absent.yaml'))).rejects.toMatchObject({
        code: 'config.unreadable',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('has a JSON Schema', () => {
    const schema = z.toJSONSchema(workloadProfileSchema, { io: 'input' });
    expect(schema.required).toContain('tokens');
  });
});

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    parseWorkloadProfile(text, 'p.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
