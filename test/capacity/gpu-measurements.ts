import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { KERNEL_PRIOR } from '../../src/capacity/gpu-efficiency.ts';
import { ENGINE_DEFAULTS } from '../../src/capacity/gpu-memory.ts';
import type { EngineSettings } from '../../src/capacity/gpu-memory.ts';
import type { GpuFacts, Parallelism, Quantisation } from '../../src/capacity/gpu-model.ts';
import type { RequestShape, ServedReplica } from '../../src/capacity/gpu-steady.ts';
import type { CatalogModel } from '../../src/config/catalog-gpu.ts';
import { sharedData } from '../support/requirements.ts';

/** Public serving measurements in the shared data folder, cleaned as its README says. */
const FOLDER = resolve(sharedData, 'gpu');

export interface Catalogs {
  readonly gpus: ReadonlyMap<string, GpuFacts>;
  readonly models: ReadonlyMap<string, CatalogModel>;
}

export interface ThroughputRow {
  readonly replica: ServedReplica;
  readonly request: RequestShape;
  readonly requests: number;
  readonly tokensPerSecond: number;
  readonly isMoe: boolean;
}

export interface ServedRow {
  readonly replica: ServedReplica;
  readonly request: RequestShape;
  readonly concurrency: number;
  readonly ttftMs: number;
  readonly tpotMs: number;
  readonly isMoe: boolean;
  /** Model, GPU, engine, parallelism and lengths: rows of one configuration are not independent. */
  readonly configuration: string;
}

/** Offline maximum throughput, TensorRT-LLM 0.14 and 1.0. */
export function throughputRows({ gpus, models }: Catalogs): ThroughputRow[] {
  const rows: ThroughputRow[] = [];
  for (const file of ['trtllm_v0_14_throughput.csv', 'trtllm_v1_0_throughput.csv']) {
    for (const row of readCsv(file)) {
      const model = models.get(row['model']!);
      const gpu = gpus.get(row['gpu']!);
      if (model === undefined || gpu === undefined) continue;
      const isMoe = model.experts !== undefined;
      const tensor = Number(row['tp']);
      const pipeline = Number(row['pp']);
      // MoE models of 1.0 run attention DP: tp=n means d=n, ep=n.
      const ranks = isMoe && row['engine'] === 'trtllm-1.0' ? tensor : 1;
      const parallelism: Parallelism =
        ranks > 1
          ? { tensor: 1, pipeline, attentionData: ranks, expert: ranks }
          : { tensor, pipeline, attentionData: 1 };
      const input = Number(row['input_len']);
      rows.push({
        replica: {
          model,
          gpu,
          parallelism,
          quantisation: quantisationOf(row['precision']!, model),
          efficiency: KERNEL_PRIOR,
          engine: ENGINE_DEFAULTS.trtllm,
        },
        request: {
          inputTokens: input,
          uncachedTokens: input,
          outputTokens: Number(row['output_len']),
        },
        requests: Number(row['num_requests']),
        tokensPerSecond: Number(row['value']),
        isMoe,
      });
    }
  }
  return rows;
}

/** TTFT and TPOT at a concurrency: InferenceX dumps and NVIDIA's own runs. */
export function servedRows({ gpus, models }: Catalogs): ServedRow[] {
  const rows: ServedRow[] = [];
  const seen = new Set<string>();
  for (const row of readCsv('inferencex_silicon_sample.csv')) {
    const model = models.get(row['model']!);
    const gpu = gpus.get(
      row['gpu']!.replace(/-SXM$/, row['gpu']!.startsWith('H200') ? '-SXM-141GB' : '-SXM-180GB'),
    );
    if (model === undefined || gpu === undefined) continue;
    const concurrency = Number(row['concurrency']);
    const isContradictory = row['id']!.startsWith('nvidia_');
    const isImpossible = row['model'] === 'gpt-oss-120b' && concurrency === 512;
    if (isContradictory || isImpossible) continue;
    const family = (row['engine']!.split('-')[0] ?? 'vllm') as EngineSettings['family'];
    const parallelism = parallelismOf(row);
    const configuration = [
      row['model'],
      gpu.name,
      family,
      row['gemm_quant'],
      row['moe_quant'],
      JSON.stringify(parallelism),
      row['input_len'],
      row['output_len'],
    ].join(' ');
    const key = `${configuration} ${concurrency}`;
    if (seen.has(key)) continue;
    seen.add(key);
    // InferenceX draws lengths uniformly from [0.8 L, L].
    const share = row['source']!.includes('InferenceX') ? 0.9 : 1;
    const input = Number(row['input_len']) * share;
    const quantisation = quantisationOf(row['precision']!, model);
    const tpotMs = Number(row['tpot_ms']);
    rows.push({
      replica: { model, gpu, parallelism, quantisation, engine: ENGINE_DEFAULTS[family] },
      request: {
        inputTokens: input,
        uncachedTokens: input,
        outputTokens: Number(row['output_len']) * share,
      },
      concurrency,
      ttftMs: Number(row['ttft_ms']),
      tpotMs,
      isMoe: model.experts !== undefined,
      configuration,
    });
  }
  return rows;
}

/** The dump multiplied tp by ep where moe_tp = moe_ep > 1 and their product is tp. */
function parallelismOf(row: Record<string, string>): Parallelism {
  const number = (key: string): number => Number(row[key] === '' ? 1 : row[key]);
  let tensor = number('tp');
  let data = number('attention_dp');
  const [moeTp, moeEp] = [number('moe_tp'), number('moe_ep')];
  if (moeTp === moeEp && moeTp > 1) {
    if (moeTp * moeEp === tensor) tensor = moeTp;
    else if (moeTp * moeEp === data) data = moeTp;
  } else if (moeTp * moeEp > tensor * data) {
    data = (moeTp * moeEp) / tensor;
  }
  return { tensor, pipeline: number('pp'), attentionData: data };
}

function quantisationOf(precision: string, model: CatalogModel): Quantisation {
  const kv = precision === 'fp16' || precision === 'bf16' ? 'bf16' : 'fp8';
  if (model.name.startsWith('gpt-oss')) return { linear: 'bf16', experts: 'mxfp4', kv };
  switch (precision) {
    case 'fp8':
      return { linear: 'fp8', experts: 'fp8', kv };
    case 'fp4': {
      const mixed = model.name.startsWith('DeepSeek') || model.name.startsWith('Kimi');
      return { linear: mixed ? 'fp8' : 'nvfp4', experts: 'nvfp4', kv };
    }
    case 'int4':
      return { linear: 'bf16', experts: 'int4', kv };
    default:
      return { linear: 'bf16', experts: 'bf16', kv };
  }
}

function readCsv(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(resolve(FOLDER, file), 'utf8')
    .trim()
    .split('\n')
    .map(splitLine);
  return lines.map((cells) =>
    Object.fromEntries(head!.map((name, index) => [name, cells[index] ?? ''])),
  );
}

function splitLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
}
