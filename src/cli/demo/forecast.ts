import type { Scenario } from '../../config/scenario.ts';
import { VirtualClock } from '../../core/clock.ts';
import { randomStreams } from '../../core/random.ts';
import type { RandomStreams } from '../../core/random.ts';
import { quantileSorted } from '../../core/statistics.ts';
import { startEngine } from '../../loadtest/engine.ts';
import { UNKNOWN_HOST } from '../../loadtest/host-monitor.ts';
import type { Sample } from '../../loadtest/sample.ts';
import { scriptSession } from '../../loadtest/session-script.ts';
import { sessionSampler } from '../../workload/sessions.ts';
import type { WorkloadProfile } from '../../workload/workload-profile.ts';
import { figuresOf } from './figures.ts';
import type { FigureName, Figures, Window } from './figures.ts';
import { ModelledProvider } from './modelled-provider.ts';
import type { ProviderRules } from './modelled-provider.ts';

/** A predicted figure: the median of the replications and where 90 % of them lie. */
interface Prediction {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export type Forecast = { readonly [F in FigureName]: Prediction | null };

export interface ForecastInput {
  readonly profile: WorkloadProfile;
  /** The load test to come, with its seed: which sessions start when is part of the question. */
  readonly scenario: Scenario;
  readonly rules: ProviderRules;
  readonly window: Window;
  readonly seed: string | number;
  readonly replications: number;
}

/**
 * Runs the load test's own engine in virtual time, with the sessions and arrivals of the test to
 * come, against a model of the provider that knows only what a planner can know: the published
 * limits and cache rule, and the latencies in the recorded profile. The replications differ in the
 * drawn latencies and in the retries' jitter.
 */
export async function forecast(input: ForecastInput): Promise<Forecast> {
  const runs: Figures[] = [];
  for (let replication = 0; replication < input.replications; replication += 1) {
    runs.push(await replicate(input, `${input.seed}/forecast/${replication}`));
  }
  const names = Object.keys(runs[0]!) as FigureName[];
  return Object.fromEntries(names.map((name) => [name, summarise(runs, name)])) as Forecast;
}

async function replicate(input: ForecastInput, seed: string): Promise<Figures> {
  const { profile, rules, scenario, window } = input;
  const clock = new VirtualClock(() => new Promise((resolve) => setImmediate(resolve)));
  const own = randomStreams(seed);
  const planned = randomStreams(scenario.seed);
  const streams: RandomStreams = (name) => (name.endsWith('/retry') ? own(name) : planned(name));
  const session = sessionSampler(profile, planned);
  const samples: Sample[] = [];
  const run = startEngine(scenario, {
    clock,
    transport: new ModelledProvider(profile, rules, clock, own('provider')),
    monitor: UNKNOWN_HOST,
    streams,
    script: (index) =>
      scriptSession(session(index), index, {
        seed: scenario.seed,
        model: scenario.target.model,
        keepModels: false,
        thinkTimeScale: scenario.thinkTimeScale,
        toolTimeScale: scenario.toolTimeScale,
      }),
    wallNowMs: () => clock.now(),
    sink: (sample) => samples.push(sample),
  });
  await Promise.all([run.done, clock.run()]);
  return figuresOf(samples, window);
}

function summarise(runs: readonly Figures[], name: FigureName): Prediction | null {
  const values = runs.flatMap((run) => run[name] ?? []).toSorted((a, b) => a - b);
  if (values.length === 0) return null;
  return {
    value: quantileSorted(values, 0.5),
    low: quantileSorted(values, 0.05),
    high: quantileSorted(values, 0.95),
  };
}
