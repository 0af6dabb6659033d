import { API_VERSION } from './document.ts';
import { providerConfigSchema } from './provider.ts';
import type { ProviderConfig, ProviderConfigInput } from './provider.ts';

const head = { apiVersion: API_VERSION, kind: 'ProviderConfig' } as const;

/**
 * Latency of hosted frontier models as agents see it: a second to the first token, some 50 tokens
 * per second. A round assumption, not a measurement; calibrate with a profile of your own.
 */
const HOSTED_TIMING = {
  kind: 'fixed',
  ttft: { p50: '600ms', p95: '1500ms' },
  itl: { p50: '18ms', p95: '35ms' },
  prefillPerToken: '20us',
} as const;

/** Room for any recorded call. */
const LARGE = { contextWindow: 1_000_000, maxOutput: 128_000 } as const;

/** Ready configurations. Limits: the providers' published tables, dates beside them. */
const presets = {
  /** For tests and demos: small constant times, no limits, every API. */
  fast: {
    ...head,
    name: 'fast',
    models: [
      { ...LARGE, id: 'sim-1', timing: { kind: 'fixed', ttft: '20ms', itl: '2ms' } },
      {
        ...LARGE,
        id: 'sim-1-reasoning',
        timing: { kind: 'fixed', ttft: '20ms', itl: '2ms' },
        reasoning: { tokens: 64 },
      },
    ],
    embeddings: [{ id: 'sim-embed-1', dimensions: 256, latency: '5ms' }],
  },
  /** OpenAI, usage tier 1 (developers.openai.com model pages, 2026-10-04). */
  'openai-tier1': {
    ...head,
    name: 'openai-tier1',
    models: [
      openai('gpt-5.6-luna', 500, 500_000),
      openai('gpt-5.4-mini', 500, 500_000),
      openai('gpt-5.4-nano', 500, 200_000),
    ],
    embeddings: [{ id: 'text-embedding-3-small', dimensions: 1536, latency: '80ms' }],
  },
  /** Anthropic, tier Start (platform.claude.com rate limits, 2026-10-04). */
  'anthropic-start': {
    ...head,
    name: 'anthropic-start',
    models: [
      anthropic('claude-opus-5-5'),
      anthropic('claude-sonnet-5-5'),
      anthropic('claude-haiku-4-5'),
    ],
  },
  /**
   * Azure provisioned throughput: 50 PTUs of gpt-5.4 (2,400 TPM each, output ratio 6) and 25 of
   * gpt-5-mini (23,750 TPM each, ratio 8); Azure PTU tables, 2026-10-04.
   */
  'azure-ptu': {
    ...head,
    name: 'azure-ptu',
    models: [azurePtu('gpt-5.4', 50 * 2400, 6), azurePtu('gpt-5-mini', 25 * 23_750, 8)],
  },
  /** One replica of vLLM on four H100, by the capacity model's step times and KV memory. */
  'vllm-h100-llama-70b': {
    ...head,
    name: 'vllm-h100-llama-70b',
    models: [
      {
        id: 'llama-3.3-70b',
        aliases: ['meta-llama/Llama-3.3-70B-Instruct'],
        contextWindow: 131_072,
        maxOutput: 32_768,
        timing: {
          kind: 'hardware',
          model: 'Llama-3.3-70B',
          gpu: 'H100-SXM-80GB',
          tensorParallel: 4,
        },
      },
    ],
  },
} as const satisfies Readonly<Record<string, ProviderConfigInput>>;

function openai(id: string, rpm: number, tpm: number): ProviderConfigInput['models'][number] {
  return {
    id,
    apis: ['openai'],
    contextWindow: 400_000,
    maxOutput: 128_000,
    limits: { style: 'openai', rpm, tpm },
    timing: HOSTED_TIMING,
  };
}

function azurePtu(
  id: string,
  workPerMinute: number,
  outputWeight: number,
): ProviderConfigInput['models'][number] {
  return {
    id,
    apis: ['openai'],
    contextWindow: 400_000,
    maxOutput: 128_000,
    limits: { style: 'azure-ptu', workPerMinute, outputWeight },
    timing: HOSTED_TIMING,
  };
}

function anthropic(id: string): ProviderConfigInput['models'][number] {
  return {
    id,
    apis: ['anthropic'],
    contextWindow: 200_000,
    maxOutput: 64_000,
    limits: { style: 'anthropic', rpm: 1000, itpm: 2_000_000, otpm: 400_000 },
    timing: HOSTED_TIMING,
  };
}

export type ProviderPreset = keyof typeof presets;

export const PROVIDER_PRESETS = Object.keys(presets) as ProviderPreset[];

/** A bundled configuration, checked like a file's. */
export function providerPreset(name: ProviderPreset): ProviderConfig {
  return providerConfigSchema.parse(presets[name]);
}
