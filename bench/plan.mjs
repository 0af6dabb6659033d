// node bench/plan.mjs: how fast the planner simulates, on one core. Build first (npm run build).
// Prints simulated calls per second of the demand simulation and the time of a default plan for
// 10,000 users at 10x (3 scales, 10 replications of a busy hour, rejections under two enforcements).
// Times are CPU seconds of this process, so that a busy machine does not count.
import { COUNTING_RULES } from '../dist/capacity/debit.js';
import { simulateDemand } from '../dist/capacity/demand.js';
import { sessionsFromNumbers } from '../dist/capacity/numbers-workload.js';
import { makePlan } from '../dist/capacity/plan.js';
import { ASSUMED_TIMING, trafficFromSkeletons } from '../dist/capacity/traffic.js';
import { randomStreams } from '../dist/core/random.js';

const TARGET_SECONDS = 5;
const TARGET_CALLS_PER_SECOND = 2_000_000;

const traffic = trafficFromSkeletons(
  sessionsFromNumbers(
    {
      turnsPerSession: 4,
      callsPerTurn: 3,
      fanOut: 2,
      thinkMs: 30_000,
      toolMs: 2000,
      tokens: { input: 6000, output: 400, cachedShare: 0.6, variation: 1.2 },
    },
    randomStreams('bench'),
  ),
  { timing: ASSUMED_TIMING, tokensKnown: true },
);

const users = 1000; // 10,000 at 10x
const input = {
  name: 'bench',
  seed: 1,
  traffic,
  volume: {
    turnsPerMinute: users,
    turnsPerDay: users * 480,
    daysPerMonth: 22,
    concurrentUsers: users,
  },
  scales: [1, 3, 10],
  routes: [
    {
      provider: 'openai',
      model: 'bench',
      tier: null,
      share: 1,
      batchShare: 0,
      rule: COUNTING_RULES.openai,
      limits: { rpm: 40_000, tpm: 300_000_000 },
      limitPool: 'bench',
      price: { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5 },
      higherTiers: [],
    },
  ],
  alternatives: [],
  retry: 'python',
  infra: [],
  ops: [],
  goals: { fitsAtScale: 1, headroom: 0.2, headroomRequired: false, nextStageAt: 0.7 },
  assumptions: [],
  sources: [],
};

simulateDemand(input, { replications: 2 }); // warm the compiler
const started = cpuSeconds();
const { calls } = simulateDemand(input, { mostCalls: 2_000_000 });
const perSecond = calls / (cpuSeconds() - started);
const planStarted = cpuSeconds();
const plan = makePlan(input);
const planSeconds = cpuSeconds() - planStarted;
console.log(
  `demand simulation: ${(perSecond / 1e6).toFixed(1)} M calls/s, ${(perSecond / TARGET_CALLS_PER_SECOND).toFixed(1)} times the target of 2 M/s`,
);
console.log(
  `default plan, ${users * 10} users at 10x: ${planSeconds.toFixed(2)} s, ${(planSeconds / TARGET_SECONDS).toFixed(2)} of the budget of ${TARGET_SECONDS} s`,
);
console.log(`it breaks at ${plan.breaksAt.scale.toFixed(2)}x (${plan.breaksAt.dimension})`);

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
