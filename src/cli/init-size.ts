import { sustainedBreak } from '../capacity/limits.ts';
import type { PlanInput } from '../capacity/plan-input.ts';
import { outlinePlan } from '../capacity/plan-outline.ts';
import { readGpus, readModels } from '../catalog/gpus.ts';
import { planInput } from '../catalog/plan-input.ts';
import type { Catalogs } from '../catalog/providers.ts';
import { planSchema } from '../config/plan.ts';
import { parseYaml } from '../config/yaml.ts';

/** Users of a starter plan: the largest of these that its first route carries. */
const USERS = [100, 50, 20, 10, 5, 2, 1] as const;

export interface StartingUsers {
  readonly users: number;
  /** Why `plan check` will not pass at once; undefined when it will. */
  readonly note: string | undefined;
}

/**
 * How many users the plan may start with and still fit, with the room that its goals ask for; 100
 * where no limit is known.
 * @param template the plan's text for a number of users
 * @param file where it will be, for the paths in it
 */
export async function startingUsers(
  template: (users: number) => string,
  file: string,
  catalogs: Catalogs,
  today: string,
): Promise<StartingUsers> {
  const [gpus, models] = await Promise.all([readGpus(), readModels()]);
  const inputFor = async (users: number): Promise<PlanInput> => {
    const document = parseYaml(planSchema(), { file, text: template(users), env: {} });
    const input = await planInput(document, { file, today, catalogs, gpus, models });
    return { ...input, scales: [1] };
  };
  const [most] = USERS;
  const input = await inputFor(most);
  const { model, provider } = input.routes[0]!;
  const onAverage = sustainedBreak(input);
  if (onAverage === undefined) {
    const note = `no limits of ${provider} ${model} are published: give your account's in plan.yaml`;
    return { users: most, note };
  }
  // The fewer users, the burstier their sum: what fits on average is only where the search begins.
  for (const users of USERS.filter((count) => count <= most * onAverage.scale)) {
    const [at] = outlinePlan(await inputFor(users)).scales;
    if (at!.verdict === 'fits') return { users, note: undefined };
  }
  const note = `${provider} ${model} does not carry one user who asks once a minute: take a higher tier, or another`;
  return { users: 1, note };
}
