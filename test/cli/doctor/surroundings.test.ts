import { describe, expect, test } from 'vitest';

import {
  judgeProxies,
  judgeTerminal,
  judgeVariables,
} from '../../../src/cli/doctor/surroundings.ts';
import {
  insist,
  judgeCanvas,
  judgeK6,
  judgePromtool,
  USES,
} from '../../../src/cli/doctor/tools.ts';

const terminal = { stdoutIsTerminal: true, columns: 120, isInteractive: true, coloured: true };
const pipe = { stdoutIsTerminal: false, columns: undefined, isInteractive: false, coloured: false };

describe('terminal', () => {
  test.for([
    { why: 'a person', env: {}, streams: terminal, says: '120 columns, colours, dashboard' },
    { why: 'a pipe', env: {}, streams: pipe, says: 'no terminal, no colours, a progress line' },
    { why: 'CI by name', env: { GITLAB_CI: 'true' }, streams: pipe, says: 'CI (GITLAB_CI)' },
    { why: 'CI without a name', env: { CI: '1' }, streams: pipe, says: 'CI (CI)' },
    { why: 'CI=false is none', env: { CI: 'false' }, streams: terminal, says: 'a terminal' },
    { why: 'colours refused', env: { NO_COLOR: '1' }, streams: pipe, says: '(NO_COLOR)' },
  ])('$why', ({ env, says, streams }) => {
    expect(judgeTerminal(env, streams)).toMatchObject({ level: 'ok' });
    expect(judgeTerminal(env, streams).found).toContain(says);
  });

  test.for([
    { why: 'a narrow window', env: {}, columns: 60, level: 'note' },
    { why: 'an old locale', env: { LANG: 'de_DE.ISO-8859-1' }, columns: 120, level: 'warn' },
    {
      why: 'LC_ALL outranks LANG',
      env: { LC_ALL: 'C.utf8', LANG: 'C' },
      columns: 120,
      level: 'ok',
    },
  ])('$why: $level', ({ columns, env, level }) => {
    expect(judgeTerminal(env, { ...terminal, columns }).level).toBe(level);
  });
});

describe('variables and proxies: names, never values', () => {
  const secret = 'sk-not-to-be-shown';
  test.for([
    { env: {}, level: 'ok', says: 'no base URL or API key is set' },
    { env: { OPENAI_API_KEY: secret }, level: 'ok', says: 'set: OPENAI_API_KEY' },
    { env: { OPENAI_API_KEY: '' }, level: 'ok', says: 'no base URL or API key is set' },
    {
      env: { ANTHROPIC_BASE_URL: `https://${secret}@example.com` },
      level: 'ok',
      says: 'set: ANTHROPIC_BASE_URL',
    },
    {
      env: { OPENAI_BASE_URL: `${secret}:80` },
      level: 'warn',
      says: 'OPENAI_BASE_URL: not an http(s) URL',
    },
  ])('$env', ({ env, level, says }) => {
    const finding = judgeVariables(env);
    expect([finding.level, finding.found]).toEqual([level, says]);
    expect(JSON.stringify(finding)).not.toContain(secret);
  });

  test.for([
    { why: 'none', env: {}, level: 'ok' },
    { why: 'one that catches loopback', env: { https_proxy: secret }, level: 'warn' },
    {
      why: 'exempt by address',
      env: { HTTP_PROXY: secret, NO_PROXY: 'a, 127.0.0.1' },
      level: 'ok',
    },
    { why: 'everything exempt', env: { ALL_PROXY: secret, no_proxy: '*' }, level: 'ok' },
    { why: 'others exempt', env: { HTTP_PROXY: secret, NO_PROXY: 'corp.example' }, level: 'warn' },
  ])('proxies, $why: $level', ({ env, level }) => {
    const finding = judgeProxies(env);
    expect(finding.level).toBe(level);
    expect(JSON.stringify(finding)).not.toContain(secret);
  });
});

describe('programs', () => {
  const k6 = (version: string | undefined, named = false): ReturnType<typeof judgeK6> =>
    judgeK6({ path: '/opt/k6', version, named });
  test.for([
    { why: 'tested', finding: k6('k6 v1.8.1 (go1.26.8, linux/amd64)'), level: 'ok' },
    { why: 'newer', finding: k6('k6 v2.2.0 (go1.27, linux/amd64)'), level: 'ok' },
    { why: 'older', finding: k6('k6 v0.49.0 (go1.21, linux/amd64)'), level: 'warn' },
    { why: 'another program of that name', finding: k6('klondike 6'), level: 'warn' },
    { why: 'K6_BIN that does not run', finding: k6(undefined, true), level: 'warn' },
    {
      why: 'nowhere',
      finding: judgeK6({ path: undefined, version: undefined, named: false }),
      level: 'note',
    },
  ])('k6, $why: $level', ({ finding, level }) => {
    expect(finding.level).toBe(level);
    expect(finding.found).not.toContain('go1.');
  });

  test('what is asked for and missing fails, what is there does not', () => {
    const missing = judgePromtool({ path: undefined, version: undefined, named: false });
    const there = judgeCanvas(undefined);
    const uses = ['prometheus-rules', 'png-charts'] as const;
    const [promtool, canvas] = insist([missing, there], uses);
    expect([missing.level, promtool!.level, canvas!.level]).toEqual(['note', 'fail', 'ok']);
    expect(promtool!.found).toContain('asked for: prometheus-rules');
    expect(insist([missing], ['loadtest-k6'])[0]!.level).toBe('note');
  });

  test('every use needs a finding of its own', () => {
    const ids = Object.values(USES);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
