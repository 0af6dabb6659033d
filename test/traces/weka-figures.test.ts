import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import type { LlmCall, Session, ToolCall } from '../../src/core/trace.ts';
import { readTraces } from '../../src/traces/read.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { StructureFold } from '../../src/workload/structure.ts';
import type { Summary } from '../../src/workload/summary.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { collect, noTraces, sharedTrace, stepsOf } from './collected.ts';
import { at, expectSummary, mostAtOnce, sum, type SummaryFigures } from './summary-figures.ts';

/** Every published figure of the 461 real Claude Code sessions; the archive is read once. */

const inputs = (calls: readonly LlmCall[]): number[] =>
  calls.map(({ tokens }) => inputTokens(tokens));
const outputs = (calls: readonly LlmCall[]): number[] => calls.map(({ tokens }) => tokens.output);
const seconds = ({ startMs, endMs }: LlmCall | ToolCall): number => (endMs! - startMs) / 1000;

function shares(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  return [...a].some((value) => b.has(value));
}

/** Only the main agent's calls, as the published figures count. */
function topLevel(session: Session): Session {
  const turns = session.turns.map((turn) => ({
    ...turn,
    steps: turn.steps
      .filter((step) => step.kind === 'llm' && step.agent === undefined)
      .map((step) => ({ ...step, after: [] })),
  }));
  return { ...session, turns };
}

/** Leading blocks shared with the call before, over all blocks. */
function consecutiveBlockHit(calls: readonly LlmCall[]): number {
  let hit = 0;
  let all = 0;
  for (const [index, { prefix }] of calls.entries()) {
    const [own, before] = [prefix!.ids, calls[index - 1]?.prefix!.ids ?? []];
    let shared = 0;
    while (shared < own.length && own[shared] === before[shared]) shared += 1;
    hit += shared;
    all += own.length;
  }
  return hit / all;
}

describe.skipIf(noTraces)('WEKA', () => {
  const isMain = ({ agent }: LlmCall): boolean => agent === undefined;
  const llm = (session: Session): readonly LlmCall[] =>
    stepsOf([session]).filter((step) => step.kind === 'llm');

  /** Tokens of leading blocks already seen in the same trace. */
  function hitTokens(calls: readonly LlmCall[]): number {
    const seen = new Set<number | string>();
    let hits = 0;
    for (const { prefix, tokens } of calls) {
      const ids = prefix!.ids;
      const first = ids.findIndex((id) => !seen.has(id));
      const leading = first === -1 ? ids.length : first;
      hits += Math.min(leading * prefix!.blockTokens, inputTokens(tokens));
      for (const id of ids) seen.add(id);
    }
    return hits;
  }

  test('all 461 traces, each one by its own figures', { timeout: 120_000 }, async () => {
    const table = await readFile(sharedTrace('expected/kv-cache-tester-per-trace.csv'), 'utf8');
    const [header, ...rows] = table
      .trim()
      .split('\n')
      .map((row) => row.split(','));
    const expected = new Map(
      rows.map((row) => [
        row[0],
        Object.fromEntries(row.map((cell, index) => [header![index]!, Number(cell)])),
      ]),
    );
    const apiSeconds: number[] = [];
    const ttft: number[] = [];
    const found = new Map<string, object>();
    const perTrace = { calls: [] as number[], first: [] as number[], last: [] as number[] };
    const minutes: number[] = [];
    const resend: number[] = [];
    const toolSeconds: number[] = [];
    const stops: Record<string, number> = {};
    const pairs = { all: 0, modelSwitches: 0, drops: 0 };
    const sub = { calls: [] as number[], perTrace: [] as number[], parallel: [] as number[] };
    let sharedWithParent = 0;
    let siblingsApart = 0;
    const waits: number[] = [];
    const unknownWaits: number[] = [];
    const zeroOutputs: number[] = [];
    const blockHits: number[] = [];
    let overlaps = 0;
    // Folded one by one: all block ids together are 55 million numbers.
    const structure = new StructureFold();
    const fold = new ProfileFold();
    const session = (session: Session): void => {
      structure.add(session);
      fold.session(topLevel(session));
      const gaps = session.turns.slice(1).map(({ waitMs }) => waitMs);
      waits.push(...gaps.flatMap((wait) => (wait === undefined ? [] : [wait / 1000])));
      unknownWaits.push(...gaps.flatMap((wait) => (wait === undefined ? [0] : [])));
      const calls = llm(session)
        .filter(isMain)
        .toSorted((a, b) => a.startMs - b.startMs);
      zeroOutputs.push(...outputs(calls).filter((output) => output === 0));
      blockHits.push(consecutiveBlockHit(calls));
      overlaps += calls.filter(
        ({ startMs }, index) => (calls[index - 1]?.endMs ?? startMs) > startMs,
      ).length;
      const times = calls.flatMap((call) => (call.endMs === undefined ? [] : [seconds(call)]));
      apiSeconds.push(...times);
      perTrace.calls.push(calls.length);
      perTrace.first.push(inputs(calls)[0]!);
      perTrace.last.push(inputs(calls).at(-1)!);
      minutes.push((calls.at(-1)!.startMs - calls[0]!.startMs) / 60_000);
      resend.push(sum(inputs(calls)) / inputs(calls).at(-1)!);
      for (const { finishReason = '' } of calls)
        stops[finishReason] = (stops[finishReason] ?? 0) + 1;
      for (const [index, call] of calls.entries()) {
        if (index === 0) continue;
        pairs.all += 1;
        const before = calls[index - 1]!;
        if (before.model !== call.model) pairs.modelSwitches += 1;
        const [from, to] = [inputTokens(before.tokens), inputTokens(call.tokens)];
        if (from > 20_000 && to < 0.6 * from) pairs.drops += 1;
      }
      const ownTools: number[] = [];
      const ofMain = new Set(calls.map(({ id, startMs }) => `${startMs} ${id}`));
      for (const { steps } of session.turns) {
        const byId = new Map(steps.map((step) => [step.id, step]));
        const isOfMain = (step: { readonly after: readonly string[] }): boolean =>
          step.after.every((id) => ofMain.has(`${byId.get(id)!.startMs} ${id}`));
        for (const step of steps)
          if (step.kind === 'tool' && isOfMain(step)) ownTools.push(seconds(step));
      }
      toolSeconds.push(...ownTools);
      const agents = new Map<string, LlmCall[]>();
      for (const call of llm(session)) {
        if (call.agent === undefined) continue;
        agents.set(call.agent, [...(agents.get(call.agent) ?? []), call]);
      }
      if (agents.size > 0) {
        const own = [...agents.values()];
        sub.perTrace.push(own.length);
        sub.calls.push(...own.map(({ length }) => length));
        sub.parallel.push(
          mostAtOnce(
            own.map((list) => [
              Math.min(...list.map(({ startMs }) => startMs)),
              Math.max(...list.map(({ startMs, endMs }) => endMs ?? startMs)),
            ]),
          ),
        );
        const blocks = (list: readonly LlmCall[]): Set<number | string> =>
          new Set(list.flatMap(({ prefix }) => prefix!.ids));
        const ofParent = blocks(calls);
        const ofSiblings = own.map(blocks);
        for (const [index, one] of ofSiblings.entries()) {
          if (shares(ofParent, one)) sharedWithParent += 1;
          for (const other of ofSiblings.slice(0, index))
            if (!shares(one, other)) siblingsApart += 1;
        }
      }
      ttft.push(...calls.flatMap(({ ttftMs }) => (ttftMs === undefined ? [] : [ttftMs / 1000])));
      found.set(session.id, {
        requests: calls.length,
        in_sum: sum(inputs(calls)),
        out_sum: sum(outputs(calls)),
        hit_tokens: hitTokens(calls),
        user_turns: session.turns.length,
        subagents: agents.size,
        subagent_requests: llm(session).length - calls.length,
        first_in: inputs(calls)[0],
        last_in: inputs(calls).at(-1),
        max_in: Math.max(...inputs(calls)),
        api_time: sum(times),
        think_time: sum(session.turns.map(({ waitMs }) => (waitMs ?? 0) / 1000)) + sum(ownTools),
        relativeTime: session.relativeTime,
      });
    };
    const sink = { session, call() {}, read() {}, skip() {}, duplicate() {} };
    await readTraces([sharedTrace('kv-cache-tester/traces.tar.gz')], sink);
    expect(found.size).toBe(461);
    for (const [id, figures] of expected) {
      expect([id, found.get(id!)]).toEqual([
        id,
        {
          requests: figures['requests'],
          in_sum: figures['in_sum'],
          out_sum: figures['out_sum'],
          hit_tokens: figures['hit_tokens'],
          user_turns: figures['user_turns'],
          subagents: figures['subagents'],
          subagent_requests: figures['subagent_requests'],
          first_in: figures['first_in'],
          last_in: figures['last_in'],
          max_in: figures['max_in'],
          api_time: expect.closeTo(figures['api_time']!, 1),
          think_time: expect.closeTo(figures['think_time']!, 1),
          relativeTime: true,
        },
      ]);
    }
    const fixed = (values: readonly number[], digits: number, ...qs: readonly number[]): string[] =>
      qs.map((q) => at(values, q).toFixed(digits));
    const totals = JSON.parse(
      await readFile(sharedTrace('expected/kv-cache-tester.json'), 'utf8'),
    ) as { readonly requests_per_trace: SummaryFigures };
    expectSummary(perTrace.calls, totals.requests_per_trace);
    expect((sum(perTrace.calls) / 461).toFixed(1)).toBe('64.4');
    expect(fixed(perTrace.calls, 1, 0.5, 0.9, 0.95, 0.99, 1)).toEqual([
      '44.0',
      '144.0',
      '198.0',
      '313.2',
      '514.0',
    ]);
    expect([perTrace.first, perTrace.last].map((values) => at(values, 0.5))).toEqual([
      25_564, 133_397,
    ]);
    expect(fixed(minutes, 1, 0.5, 1)).toEqual(['56.8', '4951.9']);
    expect(fixed(resend, 2, 0.1)).toEqual(['5.86']);
    expect(fixed(resend, 0, 0.99)).toEqual(['349']);
    expect(pairs).toEqual({ all: 29_224, modelSwitches: 26, drops: 138 });
    expect(stops).toEqual({ tool_use: 25_060, '': 2987, end_turn: 1638 });
    expect(fixed(toolSeconds, 0, 0.5, 0.9, 0.95, 0.99)).toEqual(['9', '78', '166', '877']);
    // The published figures count the 71 unknown waits as 0; the profile leaves them out.
    expect([waits.length, unknownWaits.length]).toEqual([4205, 71]);
    expect([Math.max(...waits), Math.max(...toolSeconds)]).toEqual([72_013, 77_360]);
    expect(fixed([...waits, ...unknownWaits], 1, 0.5, 0.9, 0.95)).toEqual([
      '109.5',
      '1225.5',
      '2995.0',
    ]);
    expect(fixed(waits, 1, 0.5, 0.9, 0.95)).toEqual(['114.0', '1253.4', '3002.6']);
    expect([zeroOutputs.length, overlaps]).toEqual([14, 35]);
    expect(fixed(blockHits, 2, 0, 0.5)).toEqual(['0.61', '0.95']);
    expect((sum(blockHits) / blockHits.length).toFixed(2)).toBe('0.93');
    expect((sub.calls.length / sub.perTrace.length).toFixed(1)).toBe('4.1');
    expect([sub.perTrace.length, sub.calls.length, sum(sub.calls)]).toEqual([10, 41, 453]);
    expect([at(sub.calls, 0.5), at(sub.calls, 0.99)]).toEqual([11, 24]);
    expect((sum(sub.calls) / sub.calls.length).toFixed(2)).toBe('11.05');
    expect([Math.min(...sub.parallel), Math.max(...sub.parallel)]).toEqual([1, 4]);
    const { compactions, subAgents } = structure.figures()!;
    expect([compactions, subAgents.count, subAgents.calls!.mean.toFixed(2)]).toEqual([
      138,
      41,
      '11.05',
    ]);
    expect([sharedWithParent, siblingsApart]).toEqual([0, 0]);
    expectProfile(fold.profile({ name: 'kv-cache-tester', format: 'weka', files: [] }));
    expect(apiSeconds).toHaveLength(26_706);
    expect([0.1, 0.5, 0.9, 0.95, 0.99].map((q) => Number(at(apiSeconds, q).toFixed(2)))).toEqual([
      3.4, 6.14, 18.64, 29.2, 62.62,
    ]);
    expect(ttft).toHaveLength(3196);
    expect([0.1, 0.5, 0.9, 0.95, 0.99].map((q) => Number(at(ttft, q).toFixed(2)))).toEqual([
      1.57, 2.44, 6.24, 9.31, 17.74,
    ]);
  });

  test('copies under other ids are suppressed: 18 files hold 5 traces, all of them in the sample', async () => {
    const alone = await collect([sharedTrace('kv-cache-tester/duplicates.tar.gz')]);
    expect(alone.sessions).toHaveLength(5);
    const file = sharedTrace('kv-cache-tester/trace_0002.json');
    const { sessions, records } = await collect([file, file]);
    expect(sessions).toHaveLength(1);
    expect(records).toEqual({ read: 33, used: 33, skipped: 0, duplicates: 0 });
  });
});

/** The profile of the main agents' calls alone. */
function expectProfile(profile: WorkloadProfile): void {
  const { calls, tokens, turns, sessions, cache, structure, arrivals, latency, stated } = profile;
  const rounded = (summary: Summary | null, digits: number, unit = 1): string[] =>
    [summary!.p10!, summary!.p50, summary!.p90, summary!.p95, summary!.p99, summary!.mean].map(
      (value) => (value / unit).toFixed(digits),
    );
  expect(arrivals).toBeNull();
  const { toolTokens, systemTokens, subAgentTokens, costUsd } = stated!;
  expect([toolTokens, systemTokens].map((summary) => [summary!.n, summary!.p50])).toEqual([
    [461, 12_439],
    [461, 2774],
  ]);
  // Four of the 41 sub-agents were left running and have no total.
  expect([subAgentTokens!.n, subAgentTokens!.p50, costUsd]).toEqual([37, 71_555, null]);
  expect([sessions.count, turns.count, calls.count]).toEqual([461, 4737, 29_685]);
  expect([tokens.input!.sum, tokens.output!.sum]).toEqual([3_552_774_213, 13_158_525]);
  expect((tokens.input!.sum / tokens.output!.sum).toFixed(0)).toBe('270');
  expect(rounded(tokens.input, 0)).toEqual([
    '42399',
    '101300',
    '212145',
    '310009',
    '511577',
    '119682',
  ]);
  expect(rounded(tokens.output, 0)).toEqual(['103', '217', '911', '1558', '3664', '443']);
  expect(latency.e2eMs!.n).toBe(26_706);
  expect(rounded(latency.e2eMs, 2, 1000)).toEqual([
    '3.40',
    '6.14',
    '18.64',
    '29.20',
    '62.62',
    '9.92',
  ]);
  expect(latency.ttftMs!.n).toBe(3196);
  expect(rounded(latency.ttftMs, 2, 1000).slice(0, 5)).toEqual([
    '1.57',
    '2.44',
    '6.24',
    '9.31',
    '17.74',
  ]);
  expect((latency.ttftMs!.mean / 1000).toFixed(3)).toBe('3.458');
  expect(rounded(turns.llmCallsPerTurn, 4).slice(1)).toEqual([
    '2.0000',
    '15.0000',
    '31.0000',
    '74.0000',
    '6.2666',
  ]);
  expect(turns.llmCallsPerTurn!.max).toBe(164);
  expect(cache.potentialHitRate!.toFixed(6)).toBe('0.963284');
  expect(cache.prefix!.consecutiveHitRate.toFixed(6)).toBe('0.962781');
  expect(cache.prefix!.ttl.m5.toFixed(6)).toBe('0.916877');
  expect(cache.prefix!.ttl.h1.toFixed(6)).toBe('0.960823');
  expect(rounded(structure!.contextGrowth, 0).slice(1, 3)).toEqual(['666', '3675']);
  expect([structure!.contextSteps, structure!.contextShrinks]).toEqual([29_224, 244]);
  expect(structure!.compactions).toBe(138);
  expect(rounded(structure!.resendFactor, 1).slice(1, 3)).toEqual(['33.2', '123.6']);
  expect([
    structure!.resendFactor!.p10!.toFixed(2),
    structure!.resendFactor!.p99.toFixed(0),
  ]).toEqual(['5.86', '349']);
  expect(structure!.resendFactor!.mean.toFixed(1)).toBe('53.6');
}
