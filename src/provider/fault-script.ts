import type { Fault } from '../config/provider.ts';
import type { LazyRandom } from './lazy-random.ts';

/** What a fault's conditions look at. */
export interface FaultFacts {
  readonly model: string;
  readonly key: string;
  readonly stream: boolean;
  /** The fault a request asks for by name (overrides: all). */
  readonly requested?: string | undefined;
  /** The request's own stream, so that the draw does not depend on the order of arrival. */
  readonly random: LazyRandom;
}

interface Line {
  readonly fault: Fault;
  /** Start of the script; `from` and `for` count from here. */
  readonly originMs: number;
  matched: number;
  struck: number;
}

const STREAM_ONLY: ReadonlySet<Fault['kind']> = new Set([
  'framing',
  'skip-event',
  'reorder-events',
]);

export interface FaultCount {
  readonly name: string;
  readonly kind: Fault['kind'];
  /** Requests that met all conditions but chance. */
  readonly matched: number;
  readonly struck: number;
}

/** The faults in force, in order: the first line that strikes a request wins. */
export class FaultScript {
  #lines: readonly Line[] = [];

  constructor(faults: readonly Fault[], nowMs: number) {
    this.replace(faults, nowMs);
  }

  /** Puts another script in force at once; windows and counts start again. */
  replace(faults: readonly Fault[], nowMs: number): void {
    this.#lines = faults.map((fault) => ({ fault, originMs: nowMs, matched: 0, struck: 0 }));
  }

  /** The fault that strikes this request, if any. Every line with a chance draws once. */
  strike(nowMs: number, facts: FaultFacts): Fault | undefined {
    let struck: Line | undefined;
    for (const line of this.#lines) {
      const { fault } = line;
      // Drawn before the conditions, so that a line's outcome for a request stays when others change.
      const chance = fault.probability === undefined ? 0 : facts.random().uniform();
      // A whole reply has no frames.
      if (STREAM_ONLY.has(fault.kind) && !facts.stream) continue;
      if (facts.requested === faultName(fault)) {
        struck ??= line;
        continue;
      }
      if (struck !== undefined || !meets(line, nowMs, facts)) continue;
      line.matched += 1;
      if (fault.every !== undefined && line.matched % fault.every !== 0) continue;
      if (fault.first !== undefined && line.matched > fault.first) continue;
      if (fault.probability !== undefined && chance >= fault.probability) continue;
      struck = line;
    }
    if (struck !== undefined) struck.struck += 1;
    return struck?.fault;
  }

  counts(): readonly FaultCount[] {
    return this.#lines.map(({ fault, matched, struck }) => ({
      name: faultName(fault),
      kind: fault.kind,
      matched,
      struck,
    }));
  }

  faults(): readonly Fault[] {
    return this.#lines.map(({ fault }) => fault);
  }
}

export function faultName(fault: Fault): string {
  return fault.name ?? fault.kind;
}

function meets({ fault, originMs }: Line, nowMs: number, facts: FaultFacts): boolean {
  const start = originMs + (fault.from ?? 0);
  if (nowMs < start) return false;
  if (fault.for !== undefined && nowMs >= start + fault.for) return false;
  if (fault.models !== undefined && !fault.models.includes(facts.model)) return false;
  if (fault.keys !== undefined && !fault.keys.includes(facts.key)) return false;
  return fault.stream === undefined || fault.stream === facts.stream;
}
