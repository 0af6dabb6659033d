import { describe, expect, test } from 'vitest';

import { readTraces } from '../../src/traces/read.ts';
import { profileArrivals } from '../../src/workload/arrivals.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { ProfileOptions } from '../../src/workload/profile-fold.ts';
import type { Summary } from '../../src/workload/summary.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';

/** Figures of public traces, computed independently (numpy) and printed with these digits. */
const PUBLISHED = [
  {
    file: 'azure-llm-2023/AzureLLMInferenceTrace_code.csv',
    n: 8819,
    input: ['2047.848', '1469', '5187.6', '7303.3', '7436', '1973.765'],
    output: ['27.883', '13', '55', '90', '251.46', '59.859'],
    duration: '3435.948',
    rps: '2.5667',
    iatCv: '13.1513',
    rpm: [632, 723],
    allIn: [1_344_551, 1_409_698],
    peakInput: 1_327_909,
    peakOutput: 16_642,
    idc: ['13.18', '71.30', '160.54'],
    peakToMean: ['26.1', '12.76', '4.16'],
    iat: ['63.8', '2205.1', '217.17'],
    spearman: '-0.021',
  },
  {
    file: 'azure-llm-2023/AzureLLMInferenceTrace_conv.csv',
    n: 19_366,
    input: ['1154.697', '1020', '2734.5', '4083', '4142', '1108.794'],
    output: ['211.126', '129', '424', '451', '601', '162.866'],
    duration: '3501.722',
    rps: '5.5304',
    iatCv: '1.0942',
    rpm: [507, 522],
    allIn: [800_837, 830_960],
    peakInput: 732_409,
    peakOutput: 89_494,
    idc: ['1.39', '4.00', '20.55'],
    burstiness: '0.045',
    spearman: '0.073',
  },
  {
    file: 'mooncake-fast25/conversation_trace.jsonl',
    n: 12_031,
    input: ['12035.061', '6909', '27367', '39550.5', '85400.4', '15800.345'],
    output: ['342.619', '350', '597', '698', '1118.5', '249.908'],
    duration: '3536.999',
    rps: '3.4015',
    iatCv: '3.0337',
    rpm: [247, 260],
    allIn: [3_212_938, 3_425_705],
    peakInput: 3_139_400,
    peakOutput: 97_382,
    // The published 1 s value, 7.89, is an artefact of 3 s ticks: the profile must refuse it.
    idc: [null, '2.09', '2.85'],
    // Ticks of 3 s: half of the gaps are none.
    iat: ['0.0', '3001.0', '3.00'],
  },
] as const;

describe.skipIf(noTraces)('published figures to the printed digits', () => {
  test.for(PUBLISHED)('$file', async ({ file, n, input, output, ...figures }) => {
    const profile = await profileOf(file);
    expect(profile.calls.count).toBe(n);
    expect(profile.tokens.input!.exact).toBe(true);
    expect(printed(profile.tokens.input!, input)).toEqual(input);
    expect(printed(profile.tokens.output!, output)).toEqual(output);
    expect(arrivalFigures(profile)).toMatchObject(figures);
  });

  test('the Mooncake ticks are found, and the figure they fake is the published one', async () => {
    const { arrivals, warnings } = await profileOf('mooncake-fast25/conversation_trace.jsonl');
    expect(arrivals!.tickMs).toBe(3000);
    expect(arrivals!.peakToMean!.s1).toBeNull();
    expect(warnings.join('\n')).toContain('Timestamps are rounded to 3 s');
    const starts: number[] = [];
    await readTraces([sharedTrace('mooncake-fast25/conversation_trace.jsonl')], {
      call: ({ startMs }) => starts.push(startMs * 1000),
      session: () => {},
      read: () => {},
      skip: () => {},
      duplicate: () => {},
    });
    const startUs = Float64Array.from(starts, (start) => start - starts[0]!);
    const none = new Float64Array(startUs.length);
    const raw = profileArrivals({ startUs, allIn: none, uncached: none, output: none });
    expect(raw.idc.s1!.toFixed(2)).toBe('7.89');
  });

  test('Azure timestamps are not taken for ticks', async () => {
    for (const service of ['code', 'conv']) {
      const profile = await profileOf(`azure-llm-2023/AzureLLMInferenceTrace_${service}.csv`);
      expect(profile.arrivals!.tickMs).toBeNull();
    }
  });

  test('a sketch of the same trace stays within its stated error', async () => {
    const file = 'azure-llm-2023/AzureLLMInferenceTrace_conv.csv';
    const exact = await profileOf(file);
    const sketch = await profileOf(file, { exactCalls: 1000 });
    expect(sketch.tokens.input!.exact).toBe(false);
    expect(sketch.warnings.join()).toContain('sketch');
    expect(sketch.calls.count).toBe(exact.calls.count);
    for (const metric of ['input', 'output'] as const) {
      const [a, b] = [exact.tokens[metric]!, sketch.tokens[metric]!];
      expect(b.sum).toBe(a.sum);
      expect(b.max).toBe(a.max);
      for (const figure of ['mean', 'std', 'p50', 'p90', 'p95', 'p99'] as const) {
        expect(Math.abs(b[figure] / a[figure] - 1), `${metric} ${figure}`).toBeLessThan(0.001);
      }
      // The two intervals use different batches, so they agree only roughly.
      expect(b.ci95.p95![0]).toBeLessThanOrEqual(a.p95);
      expect(b.ci95.p95![1]!).toBeGreaterThanOrEqual(a.p95 * 0.999);
    }
    expect(sketch.arrivals!.iatCv!).toBeCloseTo(exact.arrivals!.iatCv!, 6);
    expect(sketch.arrivals!.ratePerSecond).toBeCloseTo(exact.arrivals!.ratePerSecond, 6);
    // Bins of one second: a minute's peak is off by at most what one second holds.
    const { peakSliding } = sketch.arrivals!.rpm;
    expect(Math.abs(peakSliding - exact.arrivals!.rpm.peakSliding)).toBeLessThanOrEqual(17);
  });
});

async function profileOf(file: string, options?: ProfileOptions): Promise<WorkloadProfile> {
  const fold = new ProfileFold(options);
  const { format, files, records } = await readTraces([sharedTrace(file)], fold);
  const profile = fold.profile({ name: 'published', format, files });
  expect(profile.source.records.used).toBe(records.used);
  return profile;
}

function arrivalFigures({ arrivals, window, tokens }: WorkloadProfile): Record<string, unknown> {
  const { idc, peakToMean, iatMs, rpm, tpm, ...others } = arrivals!;
  const fixed = (value: number | null | undefined, digits: number): string | null =>
    value?.toFixed(digits) ?? null;
  return {
    duration: window.durationSeconds.toFixed(3),
    rps: others.ratePerSecond.toFixed(4),
    iatCv: fixed(others.iatCv, 4),
    rpm: [rpm.peakTumbling, rpm.peakSliding],
    allIn: [tpm.allIn.peakTumbling, tpm.allIn.peakSliding],
    peakInput: tpm.uncached.peakTumbling,
    peakOutput: tpm.output.peakTumbling,
    idc: [idc.s1, idc.s10, idc.s60].map((value) => fixed(value, 2)),
    peakToMean: [fixed(peakToMean!.s1, 1), fixed(peakToMean!.s10, 2), fixed(peakToMean!.s60, 2)],
    iat: [fixed(iatMs!.p50, 1), fixed(iatMs!.p99, 1), fixed(iatMs!.max / 1000, 2)],
    burstiness: fixed(others.burstiness, 3),
    spearman: fixed(tokens.spearmanInputOutput, 3),
  };
}

/** mean, p50, p90, p95, p99, std with as many decimals as the expected text has. */
function printed(summary: Summary, expected: readonly string[]): string[] {
  const { mean, p50, p90, p95, p99, std } = summary;
  return [mean, p50, p90, p95, p99, std].map((value, index) =>
    value.toFixed(expected[index]!.split('.')[1]?.length ?? 0),
  );
}
