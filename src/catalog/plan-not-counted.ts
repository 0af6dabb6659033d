import type { PlanDocument } from '../config/plan.ts';

/** What the bill and the limits of this plan leave out, each with what to do about it. */
export function notCounted(plan: PlanDocument): string[] {
  const routes = plan.routes ?? [];
  const providers = new Set(
    routes.flatMap(({ escalate, provider }) => [provider, escalate?.provider ?? provider]),
  );
  const isBatched = routes.some(({ batchShare }) => (batchShare ?? 0) > 0);
  const { exact, semantic } = plan.caching ?? {};
  return [
    ...(providers.size === 0
      ? []
      : [
          'fees for tools that providers run (web search, code execution): give them as infra with a price per unit and a usage per turn',
          'answers that are billed although they fail (time-outs, cut streams); a 429 is not billed',
          'taxes, support plans and discounts (priceFactor or prices of a route hold yours)',
        ]),
    ...(isBatched
      ? ['limits of the batch queue (tokens and requests waiting): see the provider’s page']
      : []),
    ...(exact === undefined && semantic === undefined
      ? []
      : ['the response caches themselves (store, embeddings): give them as infra']),
    ...(providers.has('deepseek')
      ? ['prices by hour and weekday (DeepSeek): the peak price is taken for every call']
      : []),
    ...(providers.has('google')
      ? [
          'storage of explicitly cached prompts (Gemini, per million tokens and hour): give it as infra',
        ]
      : []),
  ];
}
