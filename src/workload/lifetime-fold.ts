import type { Session } from '../core/trace.ts';
import { AgentKeys, UNNAMED, clientOf, nameOf, renamedKey } from './agent-key.ts';
import type { AgentKey } from './agent-key.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import { BREAK_EVEN, betterTtl, fiveMinuteCost, hourSaving } from './cache-lifetime.ts';
import { LifetimePart, LifetimeSums } from './lifetime-sums.ts';
import type { LifetimeSumsState } from './lifetime-sums.ts';
import { NamedTotals } from './named-totals.ts';

/** Five minutes or an hour: what each cache lifetime would cost, by agent. */
export interface CacheLifetimes {
  /** Reuse seen in equal prefixes, or in what the provider says was read and written. */
  readonly basis: 'prefixes' | 'usage' | 'mixed';
  /** Rewritten per written token from which an hour costs less. */
  readonly breakEven: number;
  readonly all: LifetimeChoice;
  /** The busiest, at most 20. */
  readonly agents: readonly LifetimeChoice[];
  readonly agentCount: number;
  /** Each agent with the lifetime that is cheaper for it; null without input. */
  readonly own?: OwnLifetimes | null | undefined;
}

interface OwnLifetimes {
  /** Of the input, as a share of the bill without a cache. */
  readonly bill: number;
  /** Share of the bill that this saves against the better of one lifetime for all. */
  readonly saves: number;
}

export interface LifetimeChoice {
  /** Null without a name: then the pattern that sets it off tells agents apart. */
  readonly agent: string | null;
  readonly pattern: ArrivalPattern['kind'] | null;
  readonly calls: number;
  /** Sessions; tenths of the trace where it knows none. */
  readonly samples: number;
  /** Input tokens; see LifetimeTokens. */
  readonly tokens: {
    readonly written: number;
    readonly rewritten: number;
    readonly read: number;
    readonly uncached: number;
  };
  /** Null when nothing is written. */
  readonly rewrittenPerWritten: number | null;
  /** Bill of the input, as a share of the bill without a cache; null without input. */
  readonly bill: { readonly m5: number; readonly h1: number } | null;
  readonly cheaper: '5m' | '1h' | null;
  /** What an hour saves, as a share of the bill with five minutes; negative when it costs more. */
  readonly hourSaves: number | null;
  /** 95 % interval of it; null with fewer than 10 sessions. An interval with 0 in it decides nothing. */
  readonly ci95: readonly [number, number] | null;
}

type Basis = 'prefixes' | 'usage';
type Kind = ArrivalPattern['kind'];

/** Agents kept apart; the rest is one. Names are few: more are ids. */
const MOST_AGENTS = 4096;
const MOST_LISTED = 20;

/** Sums of the lifetimes' costs over sessions, by agent. */
export class LifetimeFold {
  readonly keys = new AgentKeys();
  readonly #agents = new NamedTotals<LifetimeSums>(
    MOST_AGENTS,
    () => new LifetimeSums(),
    (into, from) => into.merge(from.state()),
  );
  readonly #all = new LifetimeSums();
  readonly #samples = { prefixes: 0, usage: 0 };

  /** Agents of a session have added their calls. */
  add(parts: ReadonlyMap<AgentKey, LifetimePart>, basis: Basis): void {
    const whole = new LifetimePart();
    for (const [key, part] of parts) {
      if (part.calls === 0) continue;
      this.#agents.of(key).add(part);
      whole.add(part);
    }
    if (whole.calls === 0) return;
    this.#all.add(whole);
    this.#samples[basis] += 1;
  }

  state(): LifetimeFoldState {
    return {
      agents: this.#agents.entries().map(([key, sums]) => [key, sums.state()] as const),
      all: this.#all.state(),
      samples: { ...this.#samples },
    };
  }

  /** See ProfileFold.sharedState. */
  sharedState(rename: (client: number) => number): LifetimeFoldState {
    const state = this.state();
    return {
      ...state,
      agents: state.agents.map(([key, sums]) => [renamedKey(key, rename), sums] as const),
    };
  }

  merge({ agents, all, samples }: LifetimeFoldState): void {
    for (const [key, sums] of agents) this.#agents.of(key).merge(sums);
    this.#all.merge(all);
    this.#samples.prefixes += samples.prefixes;
    this.#samples.usage += samples.usage;
  }

  /** Null when nothing is known of the cache. */
  figures(patterns: Patterns): CacheLifetimes | null {
    if (this.#all.sessions === 0) return null;
    const agents = this.#choices(patterns);
    const { prefixes, usage } = this.#samples;
    const all = choiceOf(this.#all, null, patterns.whole);
    return {
      basis: usage === 0 ? 'prefixes' : prefixes === 0 ? 'usage' : 'mixed',
      breakEven: BREAK_EVEN,
      all,
      agents: agents.slice(0, MOST_LISTED),
      agentCount: agents.length,
      own: ownLifetimes(all, agents),
    };
  }

  /** Agents without a name by pattern: two that poll are one row. */
  #choices(patterns: Patterns): LifetimeChoice[] {
    const named: LifetimeChoice[] = [];
    const unnamed = new Map<Kind | null, LifetimeSums>();
    let known: ReadonlyMap<number, Kind> | undefined;
    for (const [key, sums] of this.#agents.entries()) {
      const name = nameOf(key);
      if (name !== undefined) {
        named.push(choiceOf(sums, name, null));
        continue;
      }
      const client = clientOf(key);
      if (client !== undefined) known ??= patterns.ofClients();
      const pattern = (client === undefined ? patterns.whole : known?.get(client)) ?? null;
      const group = unnamed.get(pattern) ?? new LifetimeSums();
      group.merge(sums.state());
      unnamed.set(pattern, group);
    }
    const rest = [...unnamed].map(([pattern, sums]) => choiceOf(sums, null, pattern));
    return [...named, ...rest].toSorted(
      (a, b) => b.calls - a.calls || (labelOf(a) < labelOf(b) ? -1 : 1),
    );
  }
}

/** What sets the agents without names off. */
export interface Patterns {
  readonly whole: Kind | null;
  /** By the number of a client. */
  readonly ofClients: () => ReadonlyMap<number, Kind>;
}

export interface LifetimeFoldState {
  readonly agents: readonly (readonly [AgentKey, LifetimeSumsState])[];
  readonly all: LifetimeSumsState;
  readonly samples: { readonly prefixes: number; readonly usage: number };
}

/** The calls of one session, by agent. */
export class SessionLifetimes {
  readonly parts = new Map<AgentKey, LifetimePart>();
  readonly #keys: AgentKeys;
  readonly #session: Session;
  #agent: string | undefined;
  #part: LifetimePart | undefined;

  constructor(keys: AgentKeys, session: Session) {
    this.#keys = keys;
    this.#session = session;
  }

  /** The calls of an agent mostly follow one another: the last one's part is at hand. */
  of(agent: string | undefined): LifetimePart {
    if (this.#part !== undefined && agent === this.#agent) return this.#part;
    this.#agent = agent;
    this.#part = partOf(this.parts, this.#keys.keyOf(agent, this.#session));
    return this.#part;
  }
}

export function partOf(parts: Map<AgentKey, LifetimePart>, key: AgentKey): LifetimePart {
  let part = parts.get(key);
  if (part === undefined) {
    part = new LifetimePart();
    parts.set(key, part);
  }
  return part;
}

function choiceOf(sums: LifetimeSums, agent: string | null, pattern: Kind | null): LifetimeChoice {
  const { calls, written, rewritten, read, uncached } = sums.total;
  const input = inputOf(sums.total);
  const cost = fiveMinuteCost(sums.total);
  const saving = hourSaving(written, rewritten);
  return {
    agent,
    pattern,
    calls,
    samples: sums.sessions,
    tokens: { written, rewritten, read, uncached },
    rewrittenPerWritten: written === 0 ? null : rewritten / written,
    bill: input === 0 ? null : { m5: cost / input, h1: (cost - saving) / input },
    cheaper: betterTtl(written, rewritten),
    hourSaves: cost === 0 ? null : saving / cost,
    ci95: sums.savingInterval(),
  };
}

function ownLifetimes(
  { bill, tokens }: LifetimeChoice,
  agents: readonly LifetimeChoice[],
): OwnLifetimes | null {
  if (bill === null) return null;
  let cost = 0;
  for (const agent of agents) {
    if (agent.bill === null) continue;
    cost += Math.min(agent.bill.m5, agent.bill.h1) * inputOf(agent.tokens);
  }
  const own = cost / inputOf(tokens);
  const one = Math.min(bill.m5, bill.h1);
  // The last digits of two sums must not make a loss.
  return { bill: Math.min(own, one), saves: one === 0 ? 0 : Math.max(0, 1 - own / one) };
}

function inputOf({ written, rewritten, read, uncached }: LifetimeChoice['tokens']): number {
  return written + rewritten + read + uncached;
}

function labelOf({ agent, pattern }: LifetimeChoice): string {
  return agent ?? pattern ?? UNNAMED;
}
