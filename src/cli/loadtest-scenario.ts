import { existsSync } from 'node:fs';

import { bundledNames, namedDocument } from '../config/bundled.ts';
import { loadScenario } from '../config/scenario.ts';
import type { LoadedScenario } from '../config/scenario.ts';
import { parseDurationMs } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import type { BundledServers } from '../loadtest/servers.ts';
import { checkTarget } from '../loadtest/target.ts';
import { environment } from '../system.ts';

export interface ScenarioFlags {
  readonly target?: string | undefined;
  readonly sessions?: number | undefined;
  readonly seed?: string | undefined;
}

/** A scenario's file, or a bundled one by its name, with what the flags replace in it. */
export async function scenarioFor(
  name: string,
  flags: ScenarioFlags = {},
): Promise<LoadedScenario> {
  const file = namedDocument('scenario', name);
  if (!existsSync(file)) {
    throw new AgentInfraError('config.unreadable', `${name}: no such file or folder`, {
      hint: `Give a scenario's file, or a bundled one: ${bundledNames('scenario').join(', ')}.`,
    });
  }
  return overridden(await loadScenario(file, { env: environment() }), flags);
}

function overridden(scenario: LoadedScenario, flags: ScenarioFlags): LoadedScenario {
  const { seed, sessions, target } = flags;
  if (target !== undefined && !/^https?:\/\//.test(target)) {
    throw new AgentInfraError(
      'usage.invalid',
      `--target: expected http:// or https://, got "${target}"`,
    );
  }
  return {
    ...scenario,
    ...(seed === undefined ? {} : { seed }),
    ...(sessions === undefined ? {} : { sessions }),
    ...(target === undefined ? {} : { servers: {}, target: { ...scenario.target, url: target } }),
  };
}

/** A duration given as a flag, in ms; throws `usage.invalid`. */
export function durationFlag(flag: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new AgentInfraError(
    'usage.invalid',
    `${flag}: expected a duration such as 10s, got "${text}"`,
  );
}

export interface ConsentFlags {
  readonly allowTarget: readonly string[];
  readonly iAcceptProviderCost?: boolean | undefined;
}

/** Refuses a target outside of this machine that nobody asked for; throws `target.refused`. */
export function checkConsent(scenario: LoadedScenario, flags: ConsentFlags): void {
  if (isBundled(scenario)) return;
  const consent = {
    allowTargets: flags.allowTarget,
    acceptsProviderCost: flags.iAcceptProviderCost === true,
  };
  checkTarget(scenario.target.url, consent, scenario.budget);
}

/** The target is a server that the run starts itself. */
export function isBundled({ target: { url } }: LoadedScenario): boolean {
  return url === 'gateway' || url === 'provider';
}

/** Where the calls go, once the servers of the scenario run. */
export function targetOf(
  { target: { url } }: LoadedScenario,
  servers: Pick<BundledServers, 'gatewayUrl' | 'providerUrl'>,
): string {
  if (url === 'gateway') return servers.gatewayUrl!;
  if (url === 'provider') return servers.providerUrl!;
  return url;
}
