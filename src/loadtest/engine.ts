import { setMaxListeners } from 'node:events';

import type { Scenario } from '../config/scenario.ts';
import { sleepUntil } from '../core/clock.ts';
import type { CancelTimer, Clock } from '../core/clock.ts';
import type { RandomStreams } from '../core/random.ts';
import { createArrivals } from '../mechanisms/arrivals.ts';
import { arrivalSpec } from './arrival-spec.ts';
import type { HostMonitor } from './host-monitor.ts';
import { runSession } from './run-session.ts';
import { sampleTime } from './sample.ts';
import type { Sample } from './sample.ts';
import { callsOf } from './session-script.ts';
import type { SessionScript } from './session-script.ts';
import type { Transport } from './transport.ts';

/** `skip` drops a session this late: beyond the pauses of a healthy event loop and collector. */
const LATE_MS = 1000;

/** A user of a closed loop whose session failed waits this long: a dead target must not spin. */
const PAUSE_AFTER_FAILURE_MS = 1000;

const HEALTH_INTERVAL_MS = 1000;

/** A last interval shorter than this says nothing about the loop. */
const SHORTEST_HEALTH_MS = 100;

export type EngineSettings = Pick<
  Scenario,
  'arrivals' | 'sessions' | 'duration' | 'maxSessions' | 'catchUp' | 'onFailure' | 'retry' | 'drain'
>;

export interface EngineParts {
  /** Real in a run; virtual in tests, where hours of traffic take milliseconds. */
  readonly clock: Clock;
  readonly transport: Transport;
  readonly monitor: HostMonitor;
  readonly streams: RandomStreams;
  /** Session by index; the same index always gives the same script. */
  readonly script: (index: number) => SessionScript;
  /** Wall time in ms, for dates in retry-after. */
  readonly wallNowMs: () => number;
  /** Gets every sample in order. */
  readonly sink: (sample: Sample) => void;
}

/** Why a run ended before its time: a signal, or its budget was spent. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'budget';

export interface EngineRun {
  /** Resolves when the last session has ended or was cut, after the end sample. */
  readonly done: Promise<void>;
  /** Ends arrivals now and cuts what still runs after `graceMs`. */
  stop(reason: StopReason, graceMs: number): void;
  /** Calls in flight now, waits between attempts included. */
  callsRunning(): number;
}

/** Starts a run: sessions arrive by the clock or by users, each runs its script. */
export function startEngine(settings: EngineSettings, parts: EngineParts): EngineRun {
  const engine = new Engine(settings, parts);
  return {
    done: engine.run(),
    stop: (reason, graceMs) => engine.stop(reason, graceMs),
    callsRunning: () => engine.callsRunning,
  };
}

class Engine {
  readonly #settings: EngineSettings;
  readonly #parts: EngineParts;
  readonly #startMs: number;
  readonly #noMoreArrivals = new AbortController();
  readonly #cut = new AbortController();
  readonly #running = { sessions: 0, calls: 0 };
  #idle: (() => void) | undefined;
  #arrived = 0;
  #stopped: StopReason | undefined;
  #cancelCut: CancelTimer | undefined;

  constructor(settings: EngineSettings, parts: EngineParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#startMs = parts.clock.now();
    // Every session and call in flight listens: thousands are normal, and no leak.
    setMaxListeners(0, this.#cut.signal, this.#noMoreArrivals.signal);
  }

  get callsRunning(): number {
    return this.#running.calls;
  }

  async run(): Promise<void> {
    const stopHealth = this.#watchHealth();
    try {
      await (this.#settings.arrivals.kind === 'users' ? this.#closedLoop() : this.#openLoop());
      if (this.#stopped === undefined) this.#cutAfter(this.#settings.drain);
      await this.#untilIdle();
    } finally {
      this.#cancelCut?.();
      stopHealth();
    }
    const complete = this.#stopped === undefined;
    this.#emit({
      type: 'end',
      at: this.#now(),
      complete,
      ...(complete ? {} : { stopped: this.#stopped }),
    });
  }

  stop(reason: StopReason, graceMs: number): void {
    this.#stopped ??= reason;
    this.#noMoreArrivals.abort(new Error('stopped'));
    this.#cutAfter(graceMs);
  }

  /** Arrivals never wait for answers: that is what keeps a slow target from slowing its own test. */
  async #openLoop(): Promise<void> {
    const { arrivals: how, catchUp, duration = Infinity, maxSessions, sessions } = this.#settings;
    if (how.kind === 'users') return;
    const arrivals = createArrivals(arrivalSpec(how), this.#parts.streams('arrivals'));
    const limit = sessions ?? Infinity;
    let shiftMs = 0;
    while (this.#arrived < limit) {
      const offset = arrivals.next();
      if (offset === undefined || offset >= duration) return;
      const planned = offset + shiftMs;
      if (!(await this.#reached(planned))) return;
      const lateMs = this.#now() - planned;
      if (catchUp === 'shift') shiftMs += lateMs;
      const intended = catchUp === 'shift' ? planned + lateMs : planned;
      const script = this.#nextScript();
      if (catchUp === 'skip' && lateMs > LATE_MS) this.#drop(script, intended, 'late');
      else if (this.#running.sessions >= maxSessions) this.#drop(script, intended, 'max-sessions');
      else void this.#session(script, intended);
    }
  }

  async #closedLoop(): Promise<void> {
    const { arrivals: how, drain, duration } = this.#settings;
    if (how.kind !== 'users') return;
    if (duration !== undefined) this.#cutAfter(duration + drain);
    const users = Array.from({ length: how.users }, (_, user) =>
      this.#user((how.rampUp * user) / how.users),
    );
    await Promise.all(users);
  }

  async #user(startAt: number): Promise<void> {
    const { duration = Infinity, sessions = Infinity } = this.#settings;
    let intended = startAt;
    while (intended < duration && (await this.#reached(intended)) && this.#arrived < sessions) {
      const { ok, end } = await this.#session(this.#nextScript(), intended);
      intended = ok ? end : end + PAUSE_AFTER_FAILURE_MS;
    }
  }

  #nextScript(): SessionScript {
    const script = this.#parts.script(this.#arrived);
    this.#arrived += 1;
    return script;
  }

  async #session(script: SessionScript, intended: number): Promise<{ ok: boolean; end: number }> {
    this.#running.sessions += 1;
    this.#arrival(script, intended);
    const { onFailure, retry } = this.#settings;
    const { clock, streams, transport, wallNowMs } = this.#parts;
    const result = await runSession(script, intended, {
      clock,
      originMs: this.#startMs,
      transport,
      wallNowMs,
      random: streams(`session/${script.index}/retry`),
      retry,
      onFailure,
      signal: this.#cut.signal,
      running: this.#running,
      sink: (sample) => this.#emit(sample),
    });
    this.#running.sessions -= 1;
    if (this.#running.sessions === 0) this.#idle?.();
    return result;
  }

  #drop(script: SessionScript, intended: number, dropped: 'late' | 'max-sessions'): void {
    this.#arrival(script, intended, dropped);
  }

  #arrival(script: SessionScript, intended: number, dropped?: 'late' | 'max-sessions'): void {
    this.#emit({
      type: 'arrival',
      session: script.index,
      intended: sampleTime(intended),
      at: this.#now(),
      turns: script.turns.length,
      calls: callsOf(script),
      ...(dropped === undefined ? {} : { dropped }),
    });
  }

  /** False when arrivals have been stopped. */
  async #reached(offsetMs: number): Promise<boolean> {
    const { signal } = this.#noMoreArrivals;
    const { clock } = this.#parts;
    const at = this.#startMs + offsetMs;
    if (!signal.aborted && clock.now() < at) {
      await sleepUntil(clock, at, signal).catch(() => {});
    }
    return !signal.aborted;
  }

  #untilIdle(): Promise<void> {
    if (this.#running.sessions === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #cutAfter(ms: number): void {
    this.#cancelCut?.();
    const { clock } = this.#parts;
    this.#cancelCut = clock.at(clock.now() + ms, () => {
      this.#cut.abort(new Error('the run has ended'));
    });
  }

  #watchHealth(): CancelTimer {
    const { clock, monitor } = this.#parts;
    let cancel: CancelTimer = () => {};
    let last = clock.now();
    const report = (at: number): void => {
      this.#emit({
        type: 'health',
        at: this.#now(),
        intervalMs: sampleTime(at - last),
        ...monitor.read(),
        sessionsRunning: this.#running.sessions,
        callsRunning: this.#running.calls,
      });
      last = at;
    };
    const tick = (): void => {
      report(clock.now());
      cancel = clock.at(last + HEALTH_INTERVAL_MS, tick);
    };
    cancel = clock.at(last + HEALTH_INTERVAL_MS, tick);
    return () => {
      cancel();
      const at = clock.now();
      if (at - last >= SHORTEST_HEALTH_MS) report(at);
    };
  }

  #now(): number {
    return sampleTime(this.#parts.clock.now() - this.#startMs);
  }

  #emit(sample: Sample): void {
    this.#parts.sink(sample);
  }
}
