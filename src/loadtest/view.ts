import type { Threshold } from '../config/scenario.ts';
import type { MetricName } from '../config/threshold.ts';
import { decodeGaps } from './gaps.ts';
import { ObservedTimes } from './observed-times.ts';
import type { AttemptSample, SessionSample, TurnSample } from './sample.ts';

export type Start = 'intended' | 'send';
export type Where = Omit<Threshold['where'], 'from'>;

/**
 * The figures of the part of a run that a `where` selects; the whole run when it selects nothing.
 * Only calls with a complete answer have latencies; calls meant for the warm-up have none here.
 */
export class RunView {
  readonly #where: Where;
  readonly #warmUpMs: number;
  readonly #times = new Map<string, ObservedTimes>();
  readonly calls = { started: 0, completed: 0, failed: 0, truncated: 0, cut: 0, warmUp: 0 };
  readonly turns = { completed: 0, failed: 0, cut: 0 };
  readonly sessions = { completed: 0, failed: 0, cut: 0 };
  readonly attempts = {
    sent: 0,
    ok: 0,
    rateLimited: 0,
    failed: 0,
    truncated: 0,
    cut: 0,
    retries: 0,
  };
  readonly tokens = { input: 0, cacheRead: 0, output: 0, reasoning: 0, attemptsWithUsage: 0 };
  backoffMs = 0;

  constructor(where: Where, warmUpMs: number) {
    this.#where = where;
    this.#warmUpMs = warmUpMs;
  }

  times(metric: MetricName, start?: Start): ObservedTimes {
    const key = start === undefined ? metric : `${metric}/${start}`;
    let times = this.#times.get(key);
    if (times === undefined) {
      times = new ObservedTimes();
      this.#times.set(key, times);
    }
    return times;
  }

  attempt(sample: AttemptSample): void {
    if (!this.#selects(sample.turn, sample.model)) return;
    this.#countAttempt(sample);
    if (sample.intended < this.#warmUpMs) {
      if (sample.last) this.calls.warmUp += 1;
      return;
    }
    const { attempt, intended, last, outcome, sent } = sample;
    if (sent === undefined) return;
    if (attempt === 1) this.times('send_lag').add(Math.max(0, sent - intended), sent);
    if (last && outcome === 'ok') this.#latencies(sample, sent);
  }

  turn(sample: TurnSample): void {
    if (this.#where.model !== undefined || !this.#selects(sample.turn)) return;
    count(this.turns, sample.outcome);
    if (sample.outcome !== 'ok' || sample.intended < this.#warmUpMs) return;
    this.times('turn', 'intended').add(sample.end - sample.intended, sample.start);
    const { sent } = sample;
    if (sent !== undefined) this.times('turn', 'send').add(sample.end - sent, sample.start);
  }

  session(sample: SessionSample): void {
    if (this.#where.model !== undefined || this.#where.turn !== undefined) return;
    count(this.sessions, sample.outcome);
    if (sample.outcome !== 'ok' || sample.intended < this.#warmUpMs) return;
    this.times('session', 'intended').add(sample.end - sample.intended, sample.start);
    this.times('session', 'send').add(sample.end - sample.start, sample.start);
  }

  #selects(turn: number, model?: string): boolean {
    const where = this.#where;
    if (where.model !== undefined && where.model !== model) return false;
    return where.turn === undefined || (where.turn === 'first') === (turn === 0);
  }

  #countAttempt(sample: AttemptSample): void {
    const { attempts, calls, tokens } = this;
    if (sample.sent !== undefined) attempts.sent += 1;
    if (sample.attempt === 1) calls.started += 1;
    else attempts.retries += 1;
    if (sample.status === 429) attempts.rateLimited += 1;
    attempts[sample.outcome] += 1;
    this.backoffMs += sample.backoff ?? 0;
    if (sample.output !== undefined) {
      tokens.attemptsWithUsage += 1;
      tokens.input += sample.input ?? 0;
      tokens.cacheRead += sample.cacheRead ?? 0;
      tokens.output += sample.output;
      tokens.reasoning += sample.reasoning ?? 0;
    }
    if (sample.last) calls[sample.outcome === 'ok' ? 'completed' : sample.outcome] += 1;
  }

  #latencies(sample: AttemptSample, sent: number): void {
    const { firstToken, intended, lastToken, done } = sample;
    const both = (metric: MetricName, at: number | undefined): void => {
      if (at === undefined) return;
      this.times(metric, 'intended').add(at - intended, sent);
      this.times(metric, 'send').add(at - sent, sent);
    };
    both('ttfb', sample.firstByte);
    both('ttf_role', sample.firstRole);
    both('ttft', firstToken);
    both('ttft_visible', sample.firstVisible);
    both('ttf_tool', sample.firstTool);
    both('e2e', done ?? sample.end);
    const gaps = (sample.output ?? 0) - 1;
    if (gaps > 0 && firstToken !== undefined) {
      this.times('tpot').add(((done ?? sample.end) - firstToken) / gaps, sent);
      if (lastToken !== undefined) this.times('itl').add((lastToken - firstToken) / gaps, sent);
    }
    if (sample.stall !== undefined) this.times('stall').add(sample.stall, sent);
    for (const [gapMs, times] of decodeGaps(sample.gaps ?? [])) {
      this.times('icl').add(gapMs, sent, times);
    }
  }
}

function count(counts: { completed: number; failed: number; cut: number }, outcome: string): void {
  if (outcome === 'ok') counts.completed += 1;
  else if (outcome === 'failed') counts.failed += 1;
  else counts.cut += 1;
}
