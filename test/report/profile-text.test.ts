import { expect, it } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { Session } from '../../src/core/trace.ts';
import { profileText } from '../../src/report/profile-text.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { llm, session, tool } from '../workload/trace-builders.ts';

const START = Date.UTC(2026, 0, 5, 9);

/** A coding agent: two turns, two tools side by side, a growing cached prompt. */
function agentSession(index: number): Session {
  const at = START + index * 20_000;
  const sized = (turn: number): object => ({
    tokens: {
      ...NO_TOKENS,
      uncached: 50,
      cacheRead: turn * 4000,
      cacheWrite5m: 4000 + index * 10,
      output: 40 + index,
    },
    model: index % 4 === 0 ? 'small-1' : 'large-1',
  });
  return session(`s${index}`, [
    [
      llm({ id: 'a', startMs: at, endMs: at + 2000, ttftMs: 600, ...sized(0) }),
      tool({ id: 'b', name: 'search', after: ['a'], startMs: at + 2000, endMs: at + 2400 }),
      tool({
        id: 'c',
        name: 'shell \u001B[31m',
        after: ['a'],
        startMs: at + 2000,
        endMs: at + 3500,
        error: index === 3,
        argumentsHash: 'x',
      }),
      llm({ id: 'd', after: ['b', 'c'], startMs: at + 3500, endMs: at + 5000, ...sized(1) }),
    ],
    [llm({ id: 'e', startMs: at + 65_000, endMs: at + 66_000, ...sized(2) })],
  ]);
}

it('shows an agent workload', () => {
  const fold = new ProfileFold();
  for (let index = 0; index < 40; index += 1) fold.session(agentSession(index));
  fold.read(200);
  fold.skip('line is not JSON');
  fold.duplicate('message is split over several lines', 12);
  const profile = fold.profile({ name: 'coding agent', format: 'test', files: [] });
  expect(profileText(profile)).toMatchInlineSnapshot(`
    "coding agent  test
    40 sessions · 80 turns · 120 LLM calls · over 14 min 5 s from 2026-01-05T09:00:00.000Z

    Tokens per LLM call
                       n   mean  95 %    p50    p90    p95    p99    max  95 % interval of p95
      input          120  8,245   ±5%  8,245  12.3k  12.4k  12.4k  12.4k         12.3k or more
        uncached     120     50   ±0%     50     50     50     50     50              50 to 50
        cache read   120  4,000   ±8%  4,000  8,000  8,000  8,000  8,000        8,000 to 8,000
        cache write  120  4,195   ±2%  4,195  4,351  4,371  4,390  4,390         4,330 or more
      output         120   59.5  ±14%   59.5   75.1   77.1     79     79            73 or more
      input: closest to a Weibull distribution, a poor fit (KS 0.217)
      output: closest to a Weibull distribution, a fair fit (KS 0.076)

    Latency
                               n     mean  95 %      p50      p90      p95      p99      max  95 % interval of p95
      whole call             120    1.5 s   ±3%    1.5 s      2 s      2 s      2 s      2 s            2 s to 2 s
      first token (TTFT)      40   600 ms   ±0%   600 ms   600 ms   600 ms   600 ms   600 ms        600 ms or more
      per token after (ITL)   40  24.9 ms  ±16%  23.9 ms  32.6 ms  34.2 ms  35.5 ms  35.9 ms       31.1 ms or more

    Arrivals
      ▆▁▆▆█▁██▁██▁███▁██▁██▁███▁██▁██▁███▁██▁██▁███▁██▁██▁███▁█▃▁▃  calls per 10 s, top 3
      per minute                 mean  peak minute  peak 60 s sliding  peak/mean
      LLM calls                  8.52            9                  9       1.1x
      tokens, all               70.8k        76.4k              76.5k       1.1x
      tokens, input not cached  36.2k        39.7k              39.8k       1.1x
      tokens, output              507          684                693       1.4x
      at most 1 call and 12.5k tokens in 1 s; 3 calls and 25.5k tokens in 10 s
      burstiness: CV of the gaps 0.88; variance over mean of counts 1 s 0.86, 10 s 1.49, 60 s 0.62 (1 = random)
      longest gap 20 s
      model of the gaps: lognormal, shape 0.966; poor fit (KS distance 0.253)
      pattern of turns: event-driven
      at the same time: LLM calls 0.21 on average, 1 at most; sessions 3.12 on average, 4 at most

    Turns and sessions
                                    n  mean  95 %   p50   p90   p95   p99   max  95 % interval of p95
      LLM calls per turn           80   1.5   ±6%   1.5     2     2     2     2                2 to 2
      tool calls per turn          80     1  ±17%     1     2     2     2     2                2 to 2
      LLM calls at once in a turn  80     1   ±0%     1     1     1     1     1                1 to 1
      turn time                    80   3 s  ±11%   3 s   5 s   5 s   5 s   5 s            5 s to 5 s
      turns per session            40     2   ±0%     2     2     2     2     2             2 or more
      user wait between turns      40  60 s   ±0%  60 s  60 s  60 s  60 s  60 s          60 s or more
      session time                 40  66 s   ±0%  66 s  66 s  66 s  66 s  66 s          66 s or more

    Tools
                                     calls  failed     p50     p95
      search       ████████████████     40          400 ms  400 ms
      shell �[31m  ████████████████     40    2.5%   1.5 s   1.5 s

    Time of turns on the critical path
      LLM, to the first token    ██▍           10%        24 s
      LLM, generating            █████▋      23.3%        56 s
      LLM (first token unknown)  ██████████  41.7%  1 min 40 s
      tools                      ██████        25%        60 s
      between turns the user took 40 min 0 s in all

    Structure
      context grows by 4,000 tokens per call (p50; p90 4,000); it shrank 0 times in 80 steps, 0 of them compactions
      a session sends its final prompt 2 times over (p50; p90 2, max 2)
      0 of 40 tool calls (0%) repeat an earlier one of the session
      an answer with tools asks for 2 on average, 2 at most
      join: 40 calls waiting for 2 results (p50; max 2); the input grows by 4,000 tokens (p50; p95 4,000)
      work of 1.07 times the turns' time: steps run in parallel

    Prompt cache (share of input tokens read from it)
      realised (as the source reports)  48.5%  █████████▊
      of the tokens read, 100% left by the same session, 0% by other sessions
      480k tokens hit; missed:
                    calls  tokens
        cold start     40  169.8k  ████████████████████
      cache lifetime by agent:
                                  calls  rewritten  5 min  1 h against it     cheaper
        main agent, event-driven    120          0  69.1%  +55% (+55 to +55)  5 min
      rewritten: what pauses of 5 to 60 min make 5 min write again, per token written anyway; from 0.65 on, 1 h costs less (writes cost 1.25 or 2 times the input price, reads 0.1). 5 min: the bill of the input, 100% being no cache. Seen in what the provider says was read and written.

    Models
                             calls   input  output
      large-1  ████████████    75%  742.5k   5,400
      small-1  ████            25%  246.9k   1,740

    Coverage
      records read                                       200   100%
      used                                               187  93.5%
      counted once: message is split over several lines   12     6%
      skipped: line is not JSON                            1   0.5%
    "
  `);
});

it('says what is unknown instead of zero', () => {
  const fold = new ProfileFold();
  fold.call(llm({ startMs: Number.NaN, endMs: undefined, tokensBasis: 'missing' }));
  fold.read(1);
  const profile = fold.profile({ name: 'bare', format: 'test', files: [] });
  expect(profileText(profile)).toMatchInlineSnapshot(`
    "bare  test
    1 LLM call
    ! NOT ENOUGH DATA: only 1 LLM call. Percentiles of fewer than 100 calls are guesses; record at least 99 more.
    ! 100% of the calls have no token counts: token sums and TPM are lower bounds.
    ! The trace has no common clock (no times, or times relative to each session): rates, peaks and concurrency across sessions are unknown.
    ! The trace knows no sessions: turns, tools and think times are unknown, and a replay sends single calls drawn from the distributions. Traces with session ids tell them, and so does \`profile record\`.

    Tokens per LLM call
      unknown: the source reports no token counts

    Arrivals
      unknown: the trace has no common clock

    Coverage
      records read  1  100%
      used          1  100%
    "
  `);
});

it('colours only on request, and lets no control character of names through', () => {
  const fold = new ProfileFold();
  fold.session(agentSession(3));
  const profile = fold.profile({ name: 'a\u0007b', format: 'test', files: [] });
  expect(profileText(profile)).not.toContain('\u001B');
  expect(profileText(profile)).not.toContain('\u0007');
  const coloured = profileText(profile, { colour: true });
  expect(coloured).toContain('\u001B[33m! NOT ENOUGH DATA');
  // eslint-disable-next-line no-control-regex -- ANSI colours are what is taken out
  expect(coloured.replaceAll(/\u001B\[\d+m/g, '')).toBe(profileText(profile));
});
