import { z } from 'zod';

/** Sessions of a workload profile: sizes, gaps and dependencies, no content. */

const tokens = z.number().int().min(0);
const durationMs = z.number().min(0);
const base = { id: z.string().min(1), after: z.array(z.string()) };

const tokenRecord = z.object({
  uncached: tokens,
  cacheRead: tokens,
  cacheWrite5m: tokens,
  cacheWrite1h: tokens,
  output: tokens,
  reasoning: tokens,
});

const step = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('llm'),
    ...base,
    model: z.string().optional(),
    tokens: tokenRecord,
    durationMs: durationMs.optional(),
    ttftMs: durationMs.optional(),
  }),
  z.object({ kind: z.literal('tool'), ...base, name: z.string(), durationMs }),
  z.object({ kind: z.literal('state'), ...base, operation: z.enum(['read', 'write']), durationMs }),
]);

/** Steps name earlier steps only, so that a replay can never wait in a circle. */
const turn = z.object({ thinkMs: durationMs, steps: z.array(step).min(1) }).check((context) => {
  const seen = new Set<string>();
  for (const [index, { id, after }] of context.value.steps.entries()) {
    const unknown = after.find((name) => !seen.has(name));
    const message =
      unknown === undefined
        ? seen.has(id)
          ? `step "${id}" occurs twice in its turn`
          : undefined
        : `step "${id}" waits for "${unknown}", which is not an earlier step of its turn`;
    if (message !== undefined) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['steps', index],
        message,
      });
    }
    seen.add(id);
  }
});

export const sessionSkeleton = z.object({ turns: z.array(turn).min(1) });
