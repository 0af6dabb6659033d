import { describe, expect, test } from 'vitest';

import { FIRST_TOKEN_BAND, STEP_BAND } from '../../src/capacity/gpu-band.ts';
import { closedLoop, offlineThroughput } from '../../src/capacity/gpu-steady.ts';
import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { quantileSorted } from '../../src/core/statistics.ts';
import { AgentInfraError } from '../../src/errors.ts';
import { missingSharedData } from '../support/requirements.ts';
import { servedRows, throughputRows } from './gpu-measurements.ts';

/**
 * The model against public measurements, with no fit at all (KERNEL_PRIOR). The tables are not part
 * of the repository; in CI their absence is a failure. Nothing here was tuned on these rows except
 * the bands, whose coverage is therefore also checked on models that were left out.
 */
const isHere = !missingSharedData('gpu');

interface Residual {
  /** log(predicted / measured). */
  readonly log: number;
  readonly isMoe: boolean;
  readonly model: string;
  readonly metric: 'throughput' | 'tpot' | 'ttft' | 'e2e';
}

const residuals = isHere ? await collect() : { rows: [], refused: [] };

/** Means and medians of |error| in percent that a change may not exceed, near the baselines. */
const BOUNDS = [
  { metric: 'throughput', kind: 'dense', rows: 164, mean: 17, median: 12 },
  { metric: 'throughput', kind: 'experts', rows: 121, mean: 29, median: 25 },
  { metric: 'tpot', kind: 'dense', rows: 242, mean: 25, median: 26 },
  { metric: 'tpot', kind: 'experts', rows: 474, mean: 45, median: 28 },
  { metric: 'ttft', kind: 'dense', rows: 242, mean: 38, median: 33 },
  { metric: 'ttft', kind: 'experts', rows: 474, mean: 40, median: 29 },
  { metric: 'e2e', kind: 'dense', rows: 242, mean: 25, median: 26 },
  { metric: 'e2e', kind: 'experts', rows: 474, mean: 44, median: 28 },
] as const;

describe.skipIf(!isHere)('kernel-prior accuracy on public measurements', () => {
  test.for(BOUNDS)('$metric, $kind', ({ metric, kind, rows, mean, median }) => {
    const logs = select(metric, kind);
    const errors = logs.map((log) => 100 * Math.abs(Math.exp(log) - 1)).toSorted((a, b) => a - b);
    const average = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const middle = quantileSorted(errors, 0.5);
    const bias = 100 * (Math.exp(quantileSorted(logs, 0.5)) - 1);
    print(
      `${metric} ${kind}: n ${errors.length}, error mean ${average.toFixed(1)} %, median ` +
        `${middle.toFixed(1)} %, p90 ${quantileSorted(errors, 0.9).toFixed(0)} %, bias ${bias.toFixed(0)} %`,
    );
    expect(errors).toHaveLength(rows);
    expect(average).toBeLessThan(mean);
    expect(middle).toBeLessThan(median);
  });

  test.for(['dense', 'experts'] as const)('the step band is the data’s own: %s', (kind) => {
    const factors = select('tpot', kind).map((log) => -log);
    const sorted = factors.toSorted((a, b) => a - b);
    const at = (q: number): number => Math.exp(quantileSorted(sorted, q));
    expect(at(0.9)).toBeCloseTo(STEP_BAND[kind].pessimistic, 1);
    expect(at(0.5)).toBeCloseTo(STEP_BAND[kind].median, 1);
    expect(at(0.1)).toBeCloseTo(STEP_BAND[kind].optimistic, 1);
  });

  test('the step band holds about 80 % of rows, and nearly so on a model left out', () => {
    const inside: Record<string, string> = {};
    for (const kind of ['dense', 'experts'] as const) {
      const band = STEP_BAND[kind];
      const logs = select('tpot', kind);
      const covered = logs.filter((log) => isInside(-log, band)).length / logs.length;
      expect(covered).toBeGreaterThan(0.75);
      const held = leaveOneModelOut('tpot', kind);
      expect(held).toBeGreaterThan(0.7);
      inside[kind] =
        `${(100 * covered).toFixed(0)} % in sample, ${(100 * held).toFixed(0)} % on a model left out`;
    }
    print(`80 % band of TPOT holds: dense ${inside['dense']}; experts ${inside['experts']}`);
  });

  test('the first-token band holds most rows', () => {
    for (const kind of ['dense', 'experts'] as const) {
      const logs = select('ttft', kind);
      const covered =
        logs.filter((log) => isInside(-log, FIRST_TOKEN_BAND[kind])).length / logs.length;
      print(`80 % band of TTFT holds ${(100 * covered).toFixed(0)} % of ${kind} rows`);
      expect(covered).toBeGreaterThan(0.72);
    }
  });

  test('rows the memory model refuses are few and named', () => {
    print(
      `not predicted: ${residuals.refused.length} rows (${[...new Set(residuals.refused)].join('; ')})`,
    );
    // DeepSeek-R1 fp8 on 4 × B200 leaves no KV at vLLM-like settings, though it was run.
    expect(residuals.refused.length).toBeLessThanOrEqual(4);
  });
});

async function collect(): Promise<{ rows: Residual[]; refused: string[] }> {
  const catalogs = { gpus: await readGpus(), models: await readModels() };
  const rows: Residual[] = [];
  const refused: string[] = [];
  for (const row of throughputRows(catalogs)) {
    const predicted = offlineThroughput(row.replica, row.request, row.requests);
    const log = Math.log(predicted / row.tokensPerSecond);
    rows.push({ log, isMoe: row.isMoe, model: row.replica.model.name, metric: 'throughput' });
  }
  for (const row of servedRows(catalogs)) {
    const { replica, request, isMoe } = row;
    try {
      const state = closedLoop(replica, request, row.concurrency);
      const add = (metric: Residual['metric'], predicted: number, measured: number): void => {
        rows.push({
          log: Math.log(predicted / measured),
          isMoe,
          model: replica.model.name,
          metric,
        });
      };
      const { outputTokens } = request;
      add('tpot', state.itlMs, row.tpotMs);
      add('ttft', state.ttftMs, row.ttftMs);
      add('e2e', state.ttftMs + outputTokens * state.itlMs, row.ttftMs + outputTokens * row.tpotMs);
    } catch (thrown) {
      if (!(thrown instanceof AgentInfraError)) throw thrown;
      refused.push(`${replica.model.name} on ${replica.gpu.name}`);
    }
  }
  return { rows, refused };
}

function select(metric: Residual['metric'], kind: 'dense' | 'experts'): number[] {
  return residuals.rows
    .filter((row) => row.metric === metric && row.isMoe === (kind === 'experts'))
    .map((row) => row.log)
    .toSorted((a, b) => a - b);
}

function isInside(log: number, band: { pessimistic: number; optimistic: number }): boolean {
  return log <= Math.log(band.pessimistic) && log >= Math.log(band.optimistic);
}

/** Share of rows inside the 10-90 % band that the other models alone would give. */
function leaveOneModelOut(metric: Residual['metric'], kind: 'dense' | 'experts'): number {
  const rows = residuals.rows.filter(
    (row) => row.metric === metric && row.isMoe === (kind === 'experts'),
  );
  let covered = 0;
  for (const model of new Set(rows.map((row) => row.model))) {
    const others = rows.filter((row) => row.model !== model).map((row) => row.log);
    const sorted = others.toSorted((a, b) => a - b);
    const [low, high] = [quantileSorted(sorted, 0.1), quantileSorted(sorted, 0.9)];
    covered += rows.filter(
      ({ model: own, log }) => own === model && log >= low && log <= high,
    ).length;
  }
  return covered / rows.length;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
