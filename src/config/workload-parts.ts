import { z } from 'zod';

/** Parts of a workload profile that stand alone: clients, repeats, usage exports, cache lifetimes. */

const number = z.number();
const whole = z.number().int().min(0);
const known = <T extends z.ZodType>(type: T): z.ZodDefault<z.ZodNullable<T>> =>
  type.nullable().default(null as never);

const pattern = z.enum(['periodic', 'batch', 'event-driven']);

export const clients = z.object({
  count: whole,
  topShares: z.tuple([number, number, number]),
  clientsOf90: whole,
  iatCv: known(number),
  patterns: known(
    z.object({ periodic: number, batch: number, 'event-driven': number, unclear: number }),
  ),
  top: z.array(
    z.object({
      calls: whole,
      share: number,
      inputMean: number,
      outputMean: number,
      iatCv: known(number),
      pattern: known(pattern),
      periodMs: known(number),
      burstMean: known(number),
    }),
  ),
});

export const repeats = z.object({
  prompts: known(z.object({ calls: whole, repeated: whole })),
  asks: known(
    z.object({
      count: whole,
      exact: whole,
      near80: whole,
      near50: whole,
      sameState: whole,
      otherState: whole,
      unknownState: whole,
    }),
  ),
});

const meanAndPeak = z.object({ mean: number, peak: number });

export const usage = z.object({
  start: z.string(),
  end: z.string(),
  windows: whole,
  windowSeconds: number,
  requests: known(number),
  input: number,
  cacheRead: number,
  cacheWrite: number,
  output: number,
  rpm: known(meanAndPeak),
  tpm: z.object({ allIn: meanAndPeak, uncached: meanAndPeak, output: meanAndPeak }),
  overlaps: whole,
  held: known(z.object({ calls: known(number), input: known(number), output: known(number) })),
});

const lifetime = z.object({
  agent: known(z.string()),
  pattern: known(pattern),
  calls: whole,
  samples: whole,
  tokens: z.object({ written: number, rewritten: number, read: number, uncached: number }),
  rewrittenPerWritten: known(number),
  bill: known(z.object({ m5: number, h1: number })),
  cheaper: known(z.enum(['5m', '1h'])),
  hourSaves: known(number),
  ci95: known(z.tuple([number, number])),
});

export const lifetimes = z.object({
  basis: z.enum(['prefixes', 'usage', 'mixed']),
  breakEven: number,
  all: lifetime,
  agents: z.array(lifetime),
  agentCount: whole,
  own: z.object({ bill: number, saves: number }).nullable().optional(),
});
