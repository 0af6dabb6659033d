import { COMPONENTS } from '../capacity/stack-load.ts';
import type { Component } from '../capacity/stack-load.ts';
import { nearest } from '../config/nearest.ts';
import type { PlanIssue } from '../config/plan.ts';
import type { StackDocument } from '../config/stack.ts';
import type { Catalogs } from './providers.ts';

/** Words that `choose` takes besides names of the catalog. */
const CHOOSE_WORDS = ['auto', 'none'] as const;

/** Names in a plan's stack that the catalog does not have, each with its place. */
export function checkStack(stack: StackDocument, catalogs: Catalogs): PlanIssue[] {
  const issues: PlanIssue[] = [];
  for (const component of COMPONENTS) {
    const choose = stack[component]?.choose;
    if (choose === undefined) continue;
    const names = [...CHOOSE_WORDS, ...namesFor(component, catalogs)];
    if (!names.includes(choose)) {
      issues.push(unknown(['stack', component, 'choose'], 'option', choose, names));
    }
  }
  const skills = [...new Set(catalogs.options.flatMap(({ option }) => option.skills ?? []))];
  for (const [index, skill] of (stack.team?.skills ?? []).entries()) {
    if (skills.includes(skill)) continue;
    issues.push(unknown(['stack', 'team', 'skills', index], 'skill', skill, skills.toSorted()));
  }
  return issues;
}

/** Options and families that can be the component. */
function namesFor(component: Component, catalogs: Catalogs): string[] {
  const names = catalogs.options
    .filter(({ option }) => option.components.includes(component))
    .flatMap(({ option }) => [option.name, option.family ?? option.name]);
  return [...new Set(names)];
}

function unknown(
  path: PlanIssue['path'],
  what: string,
  name: string,
  names: readonly string[],
): PlanIssue {
  const guess = nearest(name, names);
  const hint = guess === undefined ? `known: ${names.join(', ')}` : `did you mean "${guess}"?`;
  return { path, message: `unknown ${what} "${name}"; ${hint}` };
}
