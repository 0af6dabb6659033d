import { z } from 'zod';

import type { GpuFacts, ModelShape, Quantisation } from '../capacity/gpu-model.ts';
import { parseBytes } from '../core/units.ts';
import { header, loadDocument } from './document.ts';
import { bytes, oneOf, strict, usd } from './fields.ts';

/** GPU and open-weight model catalogs: profiles/gpus/*.yaml and profiles/models/*.yaml. */

/** A GPU with what it costs. */
export interface CatalogGpu extends GpuFacts {
  /** Dollars per GPU and hour, over public vendors. */
  readonly priceUsdPerHour: { readonly low: number; readonly high: number };
  readonly source: string;
  readonly priceSource: string;
  /** ISO date on which the row was checked. */
  readonly checked: string;
}

/** An open-weight model with the format of its published checkpoint. */
export interface CatalogModel extends ModelShape {
  readonly weights: Pick<Quantisation, 'linear' | 'experts'>;
  /** As its authors state; the shape must give the same within a few percent. */
  readonly parametersBillion: number;
  readonly source: string;
  readonly checked: string;
}

const positive = (): z.ZodNumber => z.number().positive();
const whole = (): z.ZodNumber => z.number().int().positive();
const isoDate = (): z.ZodISODate => z.iso.date();

/** `3350GB/s` → bytes per second. */
function bandwidth(): z.ZodType<number, string> {
  return z
    .string()
    .meta({ description: 'bytes per second, such as 3350GB/s' })
    .transform((text, context) => {
      const value = text.endsWith('/s') ? parseBytes(text.slice(0, -2)) : undefined;
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `expected 3350GB/s or alike, got "${text}"` });
      return z.NEVER;
    });
}

const Gpu = strict({
  name: z.string().min(1),
  memory: bytes(),
  usableMemory: bytes(),
  bandwidth: bandwidth(),
  denseTflops: strict({ bf16: positive(), fp8: positive().optional(), fp4: positive().optional() }),
  link: strict({ kind: oneOf(['nvlink', 'pcie']), bandwidth: bandwidth(), scaleUp: whole() }),
  price: strict({ low: usd(), high: usd() }),
  source: z.string().min(1),
  priceSource: z.string().min(1),
  checked: isoDate(),
});

export const GpuCatalogSchema = strict({ ...header('GpuCatalog'), gpus: z.array(Gpu).min(1) });

const WEIGHT_FORMATS = ['bf16', 'fp8', 'nvfp4', 'mxfp4', 'int4'] as const;

const Model = strict({
  name: z.string().min(1),
  layers: whole(),
  hidden: whole(),
  attention: strict({ heads: whole(), kvHeads: whole(), headDim: whole() }),
  latentAttention: strict({
    queryRank: whole(),
    kvRank: whole(),
    rope: whole(),
    nope: whole(),
    value: whole(),
  }).optional(),
  slidingWindow: strict({ tokens: whole(), layers: whole() }).optional(),
  linearAttentionLayers: whole().optional(),
  feedForward: whole().optional(),
  feedForwardMatrices: z.union([z.literal(2), z.literal(3)]).optional(),
  experts: strict({
    count: whole(),
    active: whole(),
    feedForward: whole(),
    layers: whole(),
    sharedFeedForward: whole().optional(),
  }).optional(),
  vocabulary: whole(),
  tiedEmbeddings: z.boolean().optional(),
  weights: strict({ linear: oneOf(WEIGHT_FORMATS), experts: oneOf(WEIGHT_FORMATS) }),
  parametersBillion: positive(),
  note: z.string().optional(),
  source: z.string().min(1),
  checked: isoDate(),
});

export const ModelCatalogSchema = strict({
  ...header('ModelCatalog'),
  models: z.array(Model).min(1),
});

/** Reads one GPU catalog file. @throws ConfigError with every problem */
export async function loadGpuCatalog(file: string): Promise<CatalogGpu[]> {
  const { gpus } = await loadDocument(GpuCatalogSchema, file);
  return gpus.map((gpu) => ({
    name: gpu.name,
    usableBytes: gpu.usableMemory,
    bytesPerSecond: gpu.bandwidth,
    denseTflops: gpu.denseTflops,
    link: { kind: gpu.link.kind, bytesPerSecond: gpu.link.bandwidth },
    scaleUp: gpu.link.scaleUp,
    priceUsdPerHour: gpu.price,
    source: gpu.source,
    priceSource: gpu.priceSource,
    checked: gpu.checked,
  }));
}

/** Reads one model catalog file. @throws ConfigError with every problem */
export async function loadModelCatalog(file: string): Promise<CatalogModel[]> {
  const { models } = await loadDocument(ModelCatalogSchema, file);
  return models.map((model) => ({
    name: model.name,
    layers: model.layers,
    hidden: model.hidden,
    heads: model.attention.heads,
    kvHeads: model.attention.kvHeads,
    headDim: model.attention.headDim,
    vocabulary: model.vocabulary,
    tiedEmbeddings: model.tiedEmbeddings ?? false,
    feedForward: model.feedForward ?? 0,
    feedForwardMatrices: model.feedForwardMatrices ?? 3,
    experts:
      model.experts === undefined
        ? undefined
        : { ...model.experts, sharedFeedForward: model.experts.sharedFeedForward ?? 0 },
    slidingWindow: model.slidingWindow,
    linearAttentionLayers: model.linearAttentionLayers ?? 0,
    latentAttention: model.latentAttention,
    weights: model.weights,
    parametersBillion: model.parametersBillion,
    source: model.source,
    checked: model.checked,
  }));
}
