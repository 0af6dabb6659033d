import { createReadStream, readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { openFiles } from '../../src/traces/archive.ts';
import { CacheFold } from '../../src/workload/cacheability.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { SessionFold } from '../../src/workload/session-fold.ts';
import type { Summary } from '../../src/workload/summary.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';
import { wekaFile, wekaSession } from './weka-trace.ts';

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

  test(
    'all 461 traces: the published figures to the printed digits',
    { timeout: 60_000 },
    async () => {
      const fold = new ProfileFold();
      const archive = sharedTrace('kv-cache-tester/traces.tar.gz');
      for await (const file of openFiles(archive, createReadStream(archive))) {
        const chunks: Buffer[] = [];
        for await (const chunk of file.bytes) chunks.push(Buffer.from(chunk));
        fold.session(wekaSession(Buffer.concat(chunks).toString()));
      }
      const { calls, tokens, turns, sessions, cache, structure, arrivals, latency } = fold.profile({
        name: 'kv-cache-tester',
        format: 'weka',
        files: [],
      });
      expect(arrivals).toBeNull();
      expect([sessions.count, turns.count, calls.count]).toEqual([461, 4737, 29_685]);
      expect([tokens.input!.sum, tokens.output!.sum]).toEqual([3_552_774_213, 13_158_525]);
      const rounded = (summary: Summary | null, digits: number, unit = 1): string[] =>
        [summary!.p50, summary!.p90, summary!.p95, summary!.p99, summary!.mean].map((value) =>
          (value / unit).toFixed(digits),
        );
      expect(rounded(tokens.input, 0)).toEqual(['101300', '212145', '310009', '511577', '119682']);
      expect(rounded(tokens.output, 0)).toEqual(['217', '911', '1558', '3664', '443']);
      expect(latency.e2eMs!.n).toBe(26_706);
      expect(rounded(latency.e2eMs, 2, 1000)).toEqual(['6.14', '18.64', '29.20', '62.62', '9.92']);
      expect(latency.ttftMs!.n).toBe(3196);
      expect(rounded(latency.ttftMs, 2, 1000).slice(0, 4)).toEqual([
        '2.44',
        '6.24',
        '9.31',
        '17.74',
      ]);
      expect((latency.ttftMs!.mean / 1000).toFixed(3)).toBe('3.458');
      expect(rounded(turns.llmCallsPerTurn, 4)).toEqual([
        '2.0000',
        '15.0000',
        '31.0000',
        '74.0000',
        '6.2666',
      ]);
      expect(cache.potentialHitRate!.toFixed(6)).toBe('0.963284');
      expect(cache.prefix!.consecutiveHitRate.toFixed(6)).toBe('0.962781');
      expect(cache.prefix!.ttl.m5.toFixed(6)).toBe('0.916877');
      expect(cache.prefix!.ttl.h1.toFixed(6)).toBe('0.960823');
      expect(rounded(structure!.contextGrowth, 0).slice(0, 2)).toEqual(['666', '3675']);
      expect([structure!.contextSteps, structure!.contextShrinks]).toEqual([29_224, 244]);
      expect(structure!.compactions).toBe(138);
      expect(rounded(structure!.resendFactor, 1).slice(0, 2)).toEqual(['33.2', '123.6']);
      expect(structure!.resendFactor!.mean.toFixed(1)).toBe('53.6');
    },
  );
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
