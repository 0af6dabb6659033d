import { connect } from 'node:net';

import type { Scenario } from '../config/scenario.ts';
import { formatUsd } from '../core/units.ts';
import { AgentInfraError, asError } from '../errors.ts';

/** Hosts of providers that bill for every call. Suffixes match whole labels. */
const PAID_HOSTS = [
  'api.openai.com',
  'openai.azure.com',
  'services.ai.azure.com',
  'api.anthropic.com',
  'amazonaws.com',
  'googleapis.com',
  'api.mistral.ai',
  'api.groq.com',
  'api.x.ai',
  'api.deepseek.com',
  'api.cerebras.ai',
  'api.fireworks.ai',
  'api.together.xyz',
  'api.together.ai',
  'api.cohere.com',
  'api.cohere.ai',
  'api.perplexity.ai',
  'openrouter.ai',
];

/** A target that accepts no connection for this long is down. */
const CONNECT_TIMEOUT_MS = 5000;

export interface TargetConsent {
  /** Hosts named with --allow-target. */
  readonly allowTargets: readonly string[];
  readonly acceptsProviderCost: boolean;
}

/**
 * Refuses targets that nobody asked for: load goes to this machine unless the host is named, and
 * to a provider that bills only with consent and a budget. Throws `target.refused`.
 */
export function checkTarget(url: string, consent: TargetConsent, budget: Scenario['budget']): void {
  const { host, hostname } = new URL(url);
  if (isPaidProvider(hostname)) {
    if (consent.acceptsProviderCost && budget !== undefined) return;
    throw new AgentInfraError('target.refused', `${hostname} bills for every call`, {
      hint: 'Give the scenario a budget {total, perMillionInput, perMillionOutput} and pass --i-accept-provider-cost, or test against the bundled provider.',
    });
  }
  if (
    isLoopback(hostname) ||
    consent.allowTargets.some((name) => name === host || name === hostname)
  ) {
    return;
  }
  throw new AgentInfraError('target.refused', `${hostname} is not this machine`, {
    hint: `If you may put load on it, name it: --allow-target ${hostname}`,
  });
}

/** Refuses a run whose planned tokens cost more than its budget. @returns what they cost, in US dollars */
export function checkBudget(
  budget: NonNullable<Scenario['budget']>,
  planned: { readonly input: number; readonly output: number },
): number {
  const cost = costUsd(budget, planned.input, planned.output);
  if (cost <= budget.total) return cost;
  throw new AgentInfraError(
    'target.refused',
    `the sessions would cost about ${formatUsd(cost)}, the budget is ${formatUsd(budget.total)}`,
    { hint: 'Start fewer sessions, or raise budget.total.' },
  );
}

/**
 * What a run takes from a budget that further runs share, in US dollars: as planned at least, since
 * a target that reports no usage is not free.
 */
export function chargedUsd(
  budget: NonNullable<Scenario['budget']>,
  plannedUsd: number,
  measured: { readonly input: number | null; readonly output: number | null },
): number {
  return Math.max(plannedUsd, costUsd(budget, measured.input ?? 0, measured.output ?? 0));
}

/** Cost of tokens at the scenario's own prices, in US dollars. */
export function costUsd(
  budget: NonNullable<Scenario['budget']>,
  inputTokens: number,
  outputTokens: number,
): number {
  return (inputTokens * budget.perMillionInput + outputTokens * budget.perMillionOutput) / 1e6;
}

/** Resolves when the target accepts a connection; throws `target.unreachable` when it does not. */
export function reachTarget(url: string): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: number });
    const fail = (cause: Error): void => {
      socket.destroy();
      const hint = 'Start the target first, or let the scenario start the bundled servers.';
      const message = `${hostname}:${number} does not answer: ${cause.message}`;
      reject(new AgentInfraError('target.unreachable', message, { cause, hint }));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error('no connection within 5 s')));
    socket.once('error', (thrown) => fail(asError(thrown)));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

function isPaidProvider(hostname: string): boolean {
  return PAID_HOSTS.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
