import { expect, test } from 'vitest';

import { providerPreset } from '../../src/config/provider-presets.ts';
import { readEngines } from '../../src/provider/engine-profile.ts';
import { VirtualProvider, config } from './virtual-provider.ts';

test('the H100 preset: KV memory and step times in the range public 70B runs show', async () => {
  const settings = providerPreset('vllm-h100-llama-70b');
  const engines = await readEngines(settings);
  const engine = engines.get('llama-3.3-70b')!;
  // 4 × 79 GiB × 0.9 minus 131 GiB of weights leaves some 100 GiB at 320 KiB a token.
  const kvTokens = engine.kvBlocks * engine.blockTokens;
  expect(kvTokens).toBeGreaterThan(200_000);
  expect(kvTokens).toBeLessThan(600_000);
  const provider = new VirtualProvider(settings, engines);
  const body = {
    model: 'llama-3.3-70b',
    messages: [{ role: 'user', content: 'x'.repeat(4000) }],
    stream: true,
    max_tokens: 100,
    ignore_eos: true,
  };
  const { reply } = await provider.ask(body);
  const ttft = reply.headAtMs!;
  const itl = (reply.endedAtMs! - ttft) / 99;
  // 141 GB of weights over 4 × 3.35 TB/s is 10.5 ms at full bandwidth; a lone stream is near it.
  expect(itl).toBeGreaterThan(10.5);
  expect(itl).toBeLessThan(25);
  expect(ttft).toBeGreaterThan(50);
  expect(ttft).toBeLessThan(250);
});

test.for([
  {
    why: 'an unknown GPU',
    hardware: { model: 'Llama-3.3-70B', gpu: 'H1000' },
    says: 'unknown GPU',
  },
  {
    why: 'an unknown model',
    hardware: { model: 'Llama-9', gpu: 'H100-SXM-80GB' },
    says: 'unknown model',
  },
  {
    why: 'too few GPUs',
    hardware: { model: 'Llama-3.3-70B', gpu: 'H100-SXM-80GB' },
    says: 'does not fit 1 ×',
  },
])('refused with a hint: $why', async ({ hardware, says }) => {
  const settings = config({ timing: { kind: 'hardware', ...hardware } });
  await expect(readEngines(settings)).rejects.toMatchObject({
    message: expect.stringContaining(says),
    hint: expect.any(String),
  });
});
