import type { ProviderConfig } from '../config/provider.ts';
import { parseDurationMs } from '../core/units.ts';

/**
 * What a single request may steer, besides its own parameters. Two ways, so that it works through
 * gateways that drop unknown headers:
 *
 *   headers   x-sim-output-tokens: 120 · x-sim-reasoning-tokens: 40 · x-sim-tools: search;fetch,fetch
 *             x-sim-ttft: 300ms · x-sim-fault: truncate
 *   mark      [[sim output=120 reasoning=40 tools=search;fetch,fetch ttft=300ms fault=truncate]]
 *             in the text of the last user message
 *
 * `tools` is a script of rounds: `;` separates rounds, `,` parallel calls of one round. After the
 * last round the model answers in text. `fault` names a configured fault; it needs overrides: all.
 */
export interface Directives {
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
  /** Tool names by round. */
  readonly tools?: readonly (readonly string[])[];
  readonly ttftMs?: number;
  readonly fault?: string;
}

const NAMES = ['output', 'reasoning', 'tools', 'ttft', 'fault'] as const;
type Name = (typeof NAMES)[number];

const HEADERS: Readonly<Record<Name, string>> = {
  output: 'x-sim-output-tokens',
  reasoning: 'x-sim-reasoning-tokens',
  tools: 'x-sim-tools',
  ttft: 'x-sim-ttft',
  fault: 'x-sim-fault',
};

const NONE: Directives = {};

/** Reads the directives of one request; what does not parse is ignored. Headers win over the mark. */
export function readDirectives(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  lastUserText: string,
  overrides: ProviderConfig['overrides'],
): Directives {
  if (overrides === 'none') return NONE;
  const given: Partial<Record<Name, string>> = {};
  const mark = lastUserText.includes('[[sim ') ? /\[\[sim ([^\]]*)\]\]/.exec(lastUserText) : null;
  for (const word of mark?.[1]?.split(/\s+/) ?? []) {
    const [name, value] = word.split('=');
    if (value !== undefined && isName(name)) given[name] = value;
  }
  for (const name of NAMES) {
    const value = headers[HEADERS[name]];
    if (typeof value === 'string') given[name] = value;
  }
  const { output, reasoning, tools, ttft, fault } = given;
  return {
    ...optional('outputTokens', wholeNumber(output)),
    ...optional('reasoningTokens', wholeNumber(reasoning)),
    ...optional('tools', tools === undefined ? undefined : toolRounds(tools)),
    ...optional('ttftMs', ttft === undefined ? undefined : parseDurationMs(ttft)),
    ...optional('fault', overrides === 'all' ? fault : undefined),
  };
}

function isName(name: string | undefined): name is Name {
  return (NAMES as readonly (string | undefined)[]).includes(name);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function toolRounds(text: string): readonly (readonly string[])[] {
  return text.split(';').map((round) => round.split(',').filter((name) => name !== ''));
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
