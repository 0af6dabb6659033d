import { z } from 'zod';

import { SENSITIVITY_FACTORS } from '../capacity/sensitivity-factors.ts';
import type { FactorId } from '../capacity/sensitivity-factors.ts';
import { callRule } from './call-rule.ts';
import { count, share, strict, usd } from './fields.ts';

/** The parts of a plan that route calls, reserve capacity and weigh cost against value. */

const positive = (): z.ZodType<number, string | number> =>
  count().refine((value) => value > 0, { error: 'must be greater than 0' });

const factor = (): z.ZodType<number> =>
  z.number().refine((value) => value > 0, { error: 'must be greater than 0' });

const provisioned = strict({
  term: z.string().optional().meta({ description: 'A term of the catalog, such as year.' }),
  unitPrice: usd().optional().meta({ description: 'Per unit and month; replaces the term’s.' }),
  tokensPerMinutePerUnit: positive().optional(),
  outputWeight: positive().optional(),
  cacheReadWeight: count().optional(),
  minimum: positive().optional(),
  increment: positive().optional(),
})
  .refine((one) => one.term !== undefined || one.unitPrice !== undefined, {
    error: 'give a term of the catalog or a unitPrice',
  })
  .meta({ description: 'Reserved units (Azure PTU, Google GSU) to weigh against pay-as-you-go.' });

/** Fields of every route besides its provider, limits and prices. */
export const routingShape = {
  when: callRule().optional(),
  region: z.string().min(1).optional().meta({
    description: 'Another region or account has limits of its own.',
  }),
  tokenFactor: z
    .union([factor(), strict({ factor: factor(), source: z.string().min(1) })])
    .optional()
    .meta({ description: 'Tokens of this model per token of the workload, such as 1.3.' }),
  priceFactor: factor().optional().meta({
    description: 'On every rate, such as 1.1 for data residency.',
  }),
  provisioned: provisioned.optional(),
};

/** Share of answers that are asked again, and whom. */
export function escalation<S extends z.ZodRawShape>(
  routeShape: S,
): z.ZodObject<{ share: ReturnType<typeof share> } & S, z.core.$strict> {
  return strict({ share: share(), ...routeShape });
}

export const business = strict({
  valuePerTurn: usd().optional(),
  valuePerTask: usd().optional(),
  pricePerUser: usd().optional().meta({ description: 'Per paying user and month.' }),
  users: positive().optional().meta({ description: 'Paying users at 1x.' }),
  taskSuccess: share()
    .refine((value) => value > 0, { error: 'must be greater than 0' })
    .optional()
    .meta({ description: 'Share of sessions that complete their task.' }),
}).superRefine((value, context) => {
  const given = [value.valuePerTurn, value.valuePerTask, value.pricePerUser];
  if (given.filter((one) => one !== undefined).length !== 1) {
    const message = 'give exactly one of valuePerTurn, valuePerTask or pricePerUser';
    context.addIssue({ code: 'custom', message });
  } else if ((value.pricePerUser === undefined) !== (value.users === undefined)) {
    context.addIssue({ code: 'custom', message: 'pricePerUser and users belong together' });
  }
});

const FACTORS = Object.keys(SENSITIVITY_FACTORS) as FactorId[];

export const sensitivity = strict(
  Object.fromEntries(FACTORS.map((name) => [name, share().optional()])) as Record<
    FactorId,
    z.ZodOptional<ReturnType<typeof share>>
  >,
).meta({ description: 'Ranges of the sensitivity analysis, each ± so much.' });

interface SharedRoute {
  readonly share?: number | undefined;
  readonly when?: { readonly text: string } | undefined;
}

/** Routes with the same rule share its calls; those without one share the rest, with the pool. */
export function shareIssues(plan: {
  readonly routes?: readonly SharedRoute[] | undefined;
  readonly pool?: { readonly share?: number | undefined } | undefined;
}): { path: (string | number)[]; message: string }[] {
  const issues: { path: (string | number)[]; message: string }[] = [];
  const routes = (plan.routes ?? []).map((route, index) => ({ ...route, index }));
  const rules = [...new Set(routes.map(({ when }) => when?.text))];
  for (const rule of rules) {
    const own = routes.filter(({ when }) => when?.text === rule);
    const pool = rule === undefined ? plan.pool : undefined;
    const unset = own.filter((one) => one.share === undefined);
    if (unset.length > 0) {
      if (own.length === 1) continue;
      const message = 'missing share: with several routes each needs one';
      issues.push({ path: ['routes', unset[0]!.index], message });
      continue;
    }
    const given = own.reduce((sum, one) => sum + one.share!, pool?.share ?? 0);
    const isRest = pool !== undefined && pool.share === undefined;
    if (isRest ? given < 1 : Math.abs(given - 1) < 1e-6) continue;
    const percent = Number((given * 100).toFixed(2));
    const of = rule === undefined ? '' : ` of "${rule}"`;
    const must = isRest
      ? 'nothing is left for the pool'
      : rule === undefined
        ? 'together with the pool they must be 100 %'
        : 'they must be 100 % of the calls the rule takes';
    issues.push({ path: ['routes'], message: `the shares${of} add up to ${percent} %; ${must}` });
  }
  return issues;
}
