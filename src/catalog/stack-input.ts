import { COMPONENTS } from '../capacity/stack-load.ts';
import type { Component } from '../capacity/stack-load.ts';
import { ANY_CLOUD } from '../capacity/stack-choice.ts';
import type { ComponentNeed } from '../capacity/stack-choice.ts';
import type { RequestClass } from '../capacity/stack-latency.ts';
import { OPERATIONS_CLASSES } from '../capacity/stack-option.ts';
import type {
  Feature,
  OperationsClass,
  OperationsHours,
  SizingRules,
} from '../capacity/stack-option.ts';
import type { StackInput } from '../capacity/stack-plan.ts';
import { stackWorkload } from '../capacity/stack-workload.ts';
import type { Traffic } from '../capacity/traffic.ts';
import type { StackDocument } from '../config/stack.ts';
import { formatDuration, formatShare, formatUsd, MS_PER_HOUR } from '../core/units.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { givenSource } from './plan-notes.ts';
import type { Notes } from './plan-notes.ts';
import type { Catalogs } from './providers.ts';
import { optionSources, stackOption } from './stack-catalog.ts';
import {
  CLOUD,
  HOURLY_USD,
  KNOWN_SKILL_FACTOR,
  LATENCY_DEFAULTS,
  OPERATIONS_HOURS,
  UNKNOWN_SKILL_FACTOR,
} from './stack-defaults.ts';
import { stackSizes, stateSizes } from './stack-sizes.ts';

/** The stack of a plan with everything decided; defaults and sources go to the plan's notes. */
export function stackInput(
  stack: StackDocument,
  workload: { readonly traffic: Traffic; readonly profile: WorkloadProfile | undefined },
  catalogs: Catalogs,
  notes: Notes,
): StackInput {
  const clouds = cloudsOf(stack, notes);
  const sizes = stackSizes(stack, workload.traffic, notes);
  const state = stateSizes(stack, workload.traffic.tokensKnown, notes);
  const needs = COMPONENTS.flatMap((component) => {
    const need = needOf(component, stack, clouds, catalogs, notes);
    return need === undefined ? [] : [need];
  });
  noteOptions(needs, catalogs, notes);
  return {
    needs,
    rules: rulesOf(stack, notes, sizes.utilisation),
    sizes,
    workload: stackWorkload(workload.traffic, state),
    latency: (stack.latency ?? []).map((one, index) => latencyClass(one, index, notes)),
    firstTokenP95Ms: workload.profile?.latency.ttftMs?.p95 ?? null,
  };
}

function cloudsOf({ cloud }: StackDocument, notes: Notes): readonly string[] {
  if (cloud === undefined) {
    notes.say('stack.cloud', CLOUD, 'the price catalog is fullest for it');
    return [CLOUD];
  }
  return typeof cloud === 'string' ? [cloud] : cloud;
}

function needOf(
  component: Component,
  stack: StackDocument,
  clouds: readonly string[],
  catalogs: Catalogs,
  notes: Notes,
): ComponentNeed | undefined {
  const choose = stack[component]?.choose ?? 'auto';
  if (choose === 'none') return undefined;
  if (component === 'vectorStore' && stack.vectorStore === undefined) {
    notes.say('stack.vectorStore', 'none', 'the plan gives no vectors');
    return undefined;
  }
  return {
    component,
    choose,
    clouds,
    features: featuresFor(component, stack, notes),
    options: catalogs.options
      .filter(({ option }) => option.components.includes(component))
      .map(({ option }) => stackOption(option, catalogs)),
  };
}

function featuresFor(component: Component, stack: StackDocument, notes: Notes): Feature[] {
  if (component === 'coldState') return ['durable'];
  if (component !== 'queue') return [];
  const ordering =
    stack.queue?.ordering ??
    notes.take('stack.queue.ordering', 'none', 'none', 'turns of a session do not overlap');
  return ordering === 'session' ? ['ordered'] : [];
}

/** Pages of what can be chosen; what their rows assume is told with the choice. */
function noteOptions(needs: readonly ComponentNeed[], catalogs: Catalogs, notes: Notes): void {
  for (const { component, choose, clouds } of needs) {
    for (const { option, pages } of catalogs.options) {
      const { cloud, family, name } = option;
      const isAsked = choose === 'auto' || choose === name || choose === family;
      const isNear = cloud === ANY_CLOUD || clouds.includes(cloud) || choose === name;
      if (!option.components.includes(component) || !isAsked || !isNear) continue;
      notes.sources.push(...optionSources(option, pages, catalogs));
    }
  }
}

function rulesOf(stack: StackDocument, notes: Notes, utilisation: number): SizingRules {
  const { team = {}, skillFactors = {} } = stack;
  if (team.skills === undefined) {
    notes.say('stack.team.skills', 'not told', 'hours are those of a team that has done it before');
  }
  if (team.hourly !== undefined) notes.sources.push(givenSource('stack.team.hourly'));
  const factor = (key: 'known' | 'unknown', value: number, why: string): number =>
    skillFactors[key] ?? notes.take(`stack.skillFactors.${key}`, value, String(value), why);
  const asks = team.skills !== undefined;
  return {
    utilisation,
    skills: team.skills,
    hourlyUsd:
      team.hourly ??
      notes.take('stack.team.hourly', HOURLY_USD, formatUsd(HOURLY_USD), 'an engineer’s hour'),
    knownSkillFactor: asks
      ? factor('known', KNOWN_SKILL_FACTOR, 'times the hours, for what the team knows')
      : 1,
    unknownSkillFactor: asks
      ? factor('unknown', UNKNOWN_SKILL_FACTOR, 'times the hours, for what the team must learn')
      : 1,
    hours: Object.fromEntries(
      OPERATIONS_CLASSES.map((name) => [name, hoursOf(name, stack, notes)]),
    ) as Record<OperationsClass, OperationsHours>,
  };
}

function hoursOf(name: OperationsClass, stack: StackDocument, notes: Notes): OperationsHours {
  const given = stack.operations?.[name] ?? {};
  const ours = OPERATIONS_HOURS[name];
  const isWhole = (['base', 'perNode', 'onCall'] as const).every((key) => given[key] !== undefined);
  if (!isWhole) {
    notes.say(
      `stack.operations.${name}`,
      `${ours.base} h + ${ours.perNode} h per node + ${ours.onCall} h on call`,
      'engineers’ hours a month; what the plan gives replaces each',
    );
  }
  const hours = (ms: number | undefined, value: number): number =>
    ms === undefined ? value : ms / MS_PER_HOUR;
  return {
    base: hours(given.base, ours.base),
    perNode: hours(given.perNode, ours.perNode),
    onCall: hours(given.onCall, ours.onCall),
  };
}

type LatencyDocument = NonNullable<StackDocument['latency']>[number];

function latencyClass(one: LatencyDocument, index: number, notes: Notes): RequestClass {
  const key = `stack.latency.${index}`;
  const ours = LATENCY_DEFAULTS;
  return {
    name: one.name,
    budgetMs: one.budget,
    regionRttMs:
      one.regionRtt ??
      notes.take(
        `${key}.regionRtt`,
        ours.regionRtt,
        formatDuration(ours.regionRtt),
        'users on the region’s continent',
      ),
    edgeRttMs: one.edgeRtt ?? null,
    newConnectionShare:
      one.newConnections ??
      notes.take(
        `${key}.newConnections`,
        ours.newConnections,
        formatShare(ours.newConnections),
        'of requests open a connection first',
      ),
    providerRttMs:
      one.providerRtt ??
      notes.take(
        `${key}.providerRtt`,
        ours.providerRtt,
        formatDuration(ours.providerRtt),
        'the provider answers from the same region',
      ),
    through: one.through ?? ['gateway', 'hotState'],
  };
}
