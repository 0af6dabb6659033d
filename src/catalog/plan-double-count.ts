import { COMPONENTS } from '../capacity/stack-load.ts';
import type { Component } from '../capacity/stack-load.ts';
import type { PlanDocument } from '../config/plan.ts';
import type { Catalogs } from './providers.ts';

/** Lines of `infra` that buy what the stack chooses as well: the bill would hold them twice. */
export function countedTwice({ infra, stack }: PlanDocument, catalogs: Catalogs): string[] {
  if (stack === undefined) return [];
  const chosen = COMPONENTS.filter((component) => {
    // The stack has vectors only when the plan says how many.
    if (component === 'vectorStore' && stack.vectorStore === undefined) return false;
    return stack[component]?.choose !== 'none';
  });
  return (infra ?? []).flatMap(({ item, name }): string[] => {
    const same = chosen.filter((component) => buys(component, item, catalogs));
    if (same.length === 0) return [];
    const [first] = same;
    return [
      `infra "${name}" (${item}) may be in the bill twice: the stack sizes ${same.join(' and ')} as well; remove the line, or set stack.${first}.choose to none`,
    ];
  });
}

function buys(component: Component, item: string | undefined, { options }: Catalogs): boolean {
  return options.some(
    ({ option }) =>
      option.components.includes(component) &&
      [...(option.prices ?? []), ...(option.nodes ?? []).flatMap(({ prices }) => prices)].some(
        (price) => price.item === item,
      ),
  );
}
