import type { EngineFamily } from '../capacity/gpu-efficiency.ts';
import { ENGINE_DEFAULTS } from '../capacity/gpu-memory.ts';
import type { KvFormat, WeightFormat } from '../capacity/gpu-model.ts';
import { sizePool } from '../capacity/gpu-pool.ts';
import type { PoolPlan } from '../capacity/gpu-pool.ts';
import { pick } from '../catalog/gpus.ts';
import type { CatalogGpu, CatalogModel } from '../config/catalog-gpu.ts';
import { formatCount, formatUsd } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { renderPool } from '../report/gpu-pool.ts';

export interface PlanGpuOptions {
  readonly model?: string | undefined;
  readonly gpu?: string | undefined;
  /** Requests per second. */
  readonly rate?: number | undefined;
  readonly input?: number | undefined;
  readonly uncached?: number | undefined;
  readonly output?: number | undefined;
  readonly ttft?: number | undefined;
  readonly itl?: number | undefined;
  readonly tensorParallel?: number | undefined;
  readonly weights?: WeightFormat | undefined;
  readonly kv: KvFormat;
  readonly engine: EngineFamily;
  readonly maxSequences?: number | undefined;
  readonly kvTokens?: number | undefined;
  readonly price?: number | undefined;
  readonly calibration?: number | undefined;
  readonly json?: true | undefined;
}

type Gpus = ReadonlyMap<string, CatalogGpu>;
type Models = ReadonlyMap<string, CatalogModel>;

/** Sizes one pool. @returns the text or JSON to print @throws usage.invalid, catalog.unknown */
export function planGpu(options: PlanGpuOptions, gpus: Gpus, models: Models): string {
  const model = pick(models, required(options.model, '--model'), 'model');
  const gpu = pick(gpus, required(options.gpu, '--gpu'), 'GPU');
  const inputTokens = required(options.input, '--input');
  const engine = ENGINE_DEFAULTS[options.engine];
  const { low, high } = gpu.priceUsdPerHour;
  const peak = required(options.rate, '--rate');
  const format = options.weights;
  const plan = sizePool(
    {
      model,
      gpu,
      tensorParallel: options.tensorParallel,
      engine: {
        ...engine,
        maxSequences: options.maxSequences ?? engine.maxSequences,
        kvTokens: options.kvTokens,
      },
      quantisation: {
        linear: format ?? model.weights.linear,
        experts: format ?? model.weights.experts,
        kv: options.kv,
      },
      priceUsdPerGpuHour: options.price ?? (low + high) / 2,
      slo: { ttftMs: options.ttft, itlMs: options.itl },
      calibration: options.calibration,
    },
    {
      requestsPerSecond: peak,
      peakRequestsPerSecond: peak,
      inputTokens,
      uncachedTokens: options.uncached ?? inputTokens,
      outputTokens: required(options.output, '--output'),
      concurrency: 0,
    },
  );
  return options.json === true ? toJson(plan, model, gpu) : toText(plan, model, gpu, options);
}

/** The catalog as two lists. */
export function listCatalog(options: PlanGpuOptions, gpus: Gpus, models: Models): string {
  if (options.json === true) {
    return `${JSON.stringify({ gpus: [...gpus.values()], models: [...models.values()] }, null, 2)}\n`;
  }
  const gpuLines = [...gpus.values()].map(
    ({ name, usableBytes, priceUsdPerHour: { low, high }, checked }) =>
      `  ${name.padEnd(22)}${(usableBytes / 1024 ** 3).toFixed(0).padStart(5)} GiB  ${formatUsd(low)}-${formatUsd(high)}/h  checked ${checked}`,
  );
  const modelLines = [...models.values()].map(
    ({ name, parametersBillion, weights }) =>
      `  ${name.padEnd(22)}${formatCount(parametersBillion).padStart(8)}B  published as ${weights.experts}`,
  );
  return ['GPUs', ...gpuLines, '', 'Models', ...modelLines, ''].join('\n');
}

function toText(
  plan: PoolPlan,
  model: CatalogModel,
  gpu: CatalogGpu,
  options: PlanGpuOptions,
): string {
  const { low, high } = gpu.priceUsdPerHour;
  const price =
    options.price === undefined
      ? `price: the middle of ${formatUsd(low)} to ${formatUsd(high)} per GPU-hour, checked ${gpu.checked}; give --price for yours\n`
      : '';
  return renderPool(plan, `${model.name} on ${gpu.name}`) + price;
}

function toJson(plan: PoolPlan, model: CatalogModel, gpu: CatalogGpu): string {
  const sources = [
    { what: model.name, source: model.source, checked: model.checked },
    { what: gpu.name, source: gpu.source, checked: gpu.checked },
    { what: `${gpu.name} price`, source: gpu.priceSource, checked: gpu.checked },
  ];
  const document = { schema: 'agent-infra/gpu-pool', schemaVersion: '1.0', ...plan, sources };
  // JSON has no Infinity: an unstable edge is null.
  return `${JSON.stringify(document, null, 2)}\n`;
}

function required<T>(value: T | undefined, option: string): T {
  if (value !== undefined) return value;
  throw new AgentInfraError('usage.invalid', `plan gpu needs ${option}`, {
    hint: 'Example: agent-infra plan gpu --model Llama-3.1-8B --gpu H100-SXM-80GB --rate 12/s --input 4k --output 300',
  });
}
