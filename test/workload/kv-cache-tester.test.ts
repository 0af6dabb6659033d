import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { CacheFold } from '../../src/workload/cacheability.ts';
import { SessionFold } from '../../src/workload/session-fold.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';
import { wekaFile } from './weka-trace.ts';

/** Real Claude Code sessions, 64-token prefix blocks; expected figures computed independently. */
describe.skipIf(noTraces)('kv-cache-tester traces', () => {
  const folder = noTraces ? '' : sharedTrace('kv-cache-tester');
  const files = noTraces ? [] : readdirSync(folder).filter((name) => name.startsWith('trace_'));

  test.for(files)('%s: calls, turns, tokens and infinite prefix hit', (name) => {
    const expected = expectedRow(name.replace('.json', ''));
    const session = wekaFile(`${folder}/${name}`);
    const cache = new CacheFold();
    cache.session(session);
    const sessions = new SessionFold();
    sessions.add(session);
    const { prefix, potentialHitRate } = cache.figures(null);
    let input = 0;
    for (const call of session.turns.flatMap(({ steps }) => steps)) {
      input += call.kind === 'llm' ? inputTokens(call.tokens) : 0;
    }
    expect({
      requests: prefix!.calls,
      user_turns: sessions.figures().turns.count,
      in_sum: input,
      hit_tokens: Math.round(potentialHitRate! * input),
    }).toEqual({
      requests: expected['requests'],
      user_turns: expected['user_turns'],
      in_sum: expected['in_sum'],
      hit_tokens: expected['hit_tokens'],
    });
  });
});

function expectedRow(id: string): Record<string, number> {
  const [header, ...rows] = readFileSync(
    sharedTrace('expected/kv-cache-tester-per-trace.csv'),
    'utf8',
  )
    .trim()
    .split('\n')
    .map((line) => line.trim().split(','));
  const row = rows.find(([first]) => first === id)!;
  return Object.fromEntries(header!.map((name, index) => [name, Number(row[index])]));
}
