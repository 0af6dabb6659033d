import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import {
  bundledNames,
  namedDocument,
  workloadProfileFile,
  workloadProfileProblem,
} from '../../src/config/bundled.ts';
import { loadScenario } from '../../src/config/scenario.ts';
import { root } from '../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-bundled-'));
const document = join(folder, 'scenario.yaml');
const bundled = (name: string): string => join(root, 'profiles/workloads', `${name}.yaml`);
// A folder of the same name beside the document: what `profile record` and exports leave behind.
mkdirSync(join(folder, 'research-agent'));
writeFileSync(join(folder, 'own.yaml'), '');
// A file of the same name is a choice.
writeFileSync(join(folder, 'azure-code'), '');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.for([
  { why: 'a bundled name', name: 'coding-agent', file: bundled('coding-agent') },
  { why: 'a folder is not a profile', name: 'research-agent', file: bundled('research-agent') },
  { why: 'a file beside the document', name: 'own.yaml', file: join(folder, 'own.yaml') },
  { why: 'a file without extension', name: 'azure-code', file: join(folder, 'azure-code') },
  { why: 'an absolute path', name: bundled('azure-code'), file: bundled('azure-code') },
])('$why', ({ file, name }) => {
  expect(workloadProfileFile(name, document)).toBe(file);
  expect(workloadProfileProblem(name, document)).toBeUndefined();
});

test.for([
  { name: 'reserch-agent', code: 'catalog.unknown', says: 'did you mean "research-agent"?' },
  { name: 'nothing-like-it', code: 'catalog.unknown', says: 'bundled: azure-code' },
  { name: './gone.yaml', code: 'config.unreadable', says: 'there is no file' },
])('$name is no profile', ({ code, name, says }) => {
  expect(workloadProfileProblem(name, document)).toContain(says);
  expect(() => workloadProfileFile(name, document)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(document) as string }),
  );
});

test('a scenario that names a missing profile: file, line and column', async () => {
  writeFileSync(
    document,
    `apiVersion: agent-infra/v1
kind: Scenario
name: missing
workload:
  profile: reserch-agent
sessions: 1
arrivals: { kind: constant, rate: 1/s }
target: { url: 'http://127.0.0.1:1', model: m }
`,
  );
  await expect(loadScenario(document, { env: {} })).rejects.toMatchObject({
    code: 'config.invalid',
    problems: [{ file: document, line: 5, column: 12, path: 'workload.profile' }],
  });
});

test('scenarios and plans by name, and by their path in the repository', () => {
  const gateway = join(root, 'scenarios/gateway.yaml');
  expect(bundledNames('scenario')).toEqual(['gateway', 'provider', 'research-agent']);
  expect(namedDocument('scenario', gateway)).toBe(gateway);
  expect(namedDocument('scenario', 'gateway')).toBe(gateway);
  expect(namedDocument('plan', 'support-agents')).toBe(
    join(root, 'scenarios/plans/support-agents.yaml'),
  );
  expect(namedDocument('plan', 'gateway')).toBe('gateway');
  expect(namedDocument('scenario', '../gateway.yaml')).toBe('../gateway.yaml');
});
