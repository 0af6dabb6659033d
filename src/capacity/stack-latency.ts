import { MS_PER_SECOND } from '../core/units.ts';
import type { ComponentChoice } from './stack-choice.ts';

/**
 * Where the time of a request goes before the first token, by class of request. Typical times are
 * added; of the tails only the provider's is taken, for tails of parts that are independent do not
 * add up (the sum of two p95 is far beyond the p95 of the sum).
 */
export interface RequestClass {
  readonly name: string;
  /** From the user's key press to the first token. */
  readonly budgetMs: number;
  /** Round trip from the users of this class to the region. */
  readonly regionRttMs: number;
  /** Round trip to the nearest edge; null: connections end in the region. */
  readonly edgeRttMs: number | null;
  /** Share of requests that open a new connection. */
  readonly newConnectionShare: number;
  /** Round trip from the region to the model's provider. */
  readonly providerRttMs: number;
  /** Parts of the stack on its way; each adds what its chosen option typically takes. */
  readonly through: readonly PathPart[];
}

export const PATH_PARTS = ['gateway', 'queue', 'hotState', 'vectorStore'] as const;
type PathPart = (typeof PATH_PARTS)[number];

export interface LatencyBudget {
  readonly name: string;
  readonly budgetMs: number;
  readonly parts: readonly { readonly name: string; readonly ms: number }[];
  /** Parts whose options do not say what they take. */
  readonly unknownParts: readonly string[];
  /** What is left of the budget for the provider's first token. */
  readonly leftForFirstTokenMs: number;
  /** p95 of the provider's time to first token, as measured in the workload; null: not measured. */
  readonly firstTokenP95Ms: number | null;
  readonly verdict: 'fits' | 'exceeds' | 'unknown';
  /** What an edge or a region nearer to the users would save; null when it would not. */
  readonly advice: string | null;
}

/** TCP and TLS 1.3 take one round trip each before the request's own (RFC 9293, RFC 8446). */
const HANDSHAKE_ROUND_TRIPS = 2;

/** The budget of one class of request with the stack that was chosen. */
export function latencyBudget(
  request: RequestClass,
  choices: readonly ComponentChoice[],
  latencyOf: (option: string) => number | null,
  firstTokenP95Ms: number | null,
): LatencyBudget {
  const network = networkMs(request, request.edgeRttMs);
  const parts = [
    {
      name: request.edgeRttMs === null ? 'user to region' : 'user to region by an edge',
      ms: network,
    },
    { name: 'region to provider', ms: request.providerRttMs },
  ];
  const unknownParts: string[] = [];
  for (const part of request.through) {
    const chosen = choices.find((one) => one.component === part)?.chosen;
    if (chosen === undefined) continue;
    const ms = chosen === null ? null : latencyOf(chosen.option);
    if (ms === null) unknownParts.push(part);
    else parts.push({ name: chosen!.title, ms });
  }
  const left = request.budgetMs - parts.reduce((sum, part) => sum + part.ms, 0);
  return {
    name: request.name,
    budgetMs: request.budgetMs,
    parts,
    unknownParts,
    leftForFirstTokenMs: left,
    firstTokenP95Ms,
    verdict: verdictOf(left, firstTokenP95Ms),
    advice: adviceFor(request, network),
  };
}

function verdictOf(left: number, firstTokenMs: number | null): LatencyBudget['verdict'] {
  if (left < 0) return 'exceeds';
  if (firstTokenMs === null) return 'unknown';
  return firstTokenMs <= left ? 'fits' : 'exceeds';
}

/** A request's own round trip, and the handshakes of those that open a connection. */
function networkMs(request: RequestClass, edgeRttMs: number | null): number {
  const { regionRttMs, newConnectionShare } = request;
  const handshakes = HANDSHAKE_ROUND_TRIPS * newConnectionShare;
  // An edge ends the connection near the user and keeps one open to the region.
  return regionRttMs + handshakes * (edgeRttMs ?? regionRttMs);
}

/** Round trip within a region's own reach; what a region near the users would leave. */
const NEAR_RTT_MS = 20;

function adviceFor(request: RequestClass, network: number): string | null {
  const { regionRttMs, edgeRttMs } = request;
  const near = networkMs({ ...request, regionRttMs: NEAR_RTT_MS }, null);
  const saved = network - near;
  const share = saved / request.budgetMs;
  if (regionRttMs <= NEAR_RTT_MS || share < WORTH_SHARE) return null;
  const edge =
    edgeRttMs === null ? network - networkMs(request, Math.min(NEAR_RTT_MS, regionRttMs)) : 0;
  const byEdge = edge / request.budgetMs < WORTH_SHARE ? '' : `an edge would save ${ms(edge)}, `;
  return `${byEdge}a region near these users ${ms(saved)}`;
}

/** Savings below this share of the budget are not worth a second place to run in. */
const WORTH_SHARE = 0.05;

function ms(value: number): string {
  return value >= MS_PER_SECOND
    ? `${(value / MS_PER_SECOND).toFixed(1)} s`
    : `${Math.round(value)} ms`;
}
