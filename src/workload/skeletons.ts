import { Random } from '../core/random.ts';
import { formatCounted } from '../core/units.ts';
import type { Session, SessionSkeleton, StepSkeleton, TurnSkeleton } from '../core/trace.ts';
import { packOutline, unpackOutline, wholeMs } from './session-outline.ts';
import type { PackedOutline, SessionOutline, StepOutline } from './session-outline.ts';

/** Sessions kept for replay unless asked otherwise: enough for a bootstrap, small enough for a YAML file. */
export const DEFAULT_SKELETONS = 200;

/** What a skeleton needs and the source did not say; filled when all sessions are known. */
interface Unknowns {
  thinks: number;
  tools: number;
  tokens: number;
}

/**
 * A sample of whole sessions that does not depend on the order of the input: each session draws a
 * number from the seed and its id, and the smallest numbers stay (bottom-k sampling).
 */
export class SkeletonSample {
  readonly #size: number;
  readonly #seed: string;
  /** Ascending by draw. */
  readonly #kept: KeptSession[] = [];

  constructor(size: number, seed: string) {
    this.#size = size;
    this.#seed = seed;
  }

  add(session: Session): void {
    const draw = new Random(`${this.#seed}/${session.id}`).uniform();
    const last = this.#kept.at(-1);
    if (this.#kept.length >= this.#size && (last === undefined || draw > last.draw)) return;
    if (!session.turns.some(({ steps }) => steps.length > 0)) return;
    this.#keep({ draw, outline: packOutline(session) });
  }

  state(): SkeletonSampleState {
    return { size: this.#size, seed: this.#seed, kept: [...this.#kept] };
  }

  /** The caller sees to equal seeds and sizes; see `fits`. */
  merge(state: SkeletonSampleState): void {
    for (const kept of state.kept) this.#keep(kept);
  }

  /** Whether a sample was drawn by the same rule, so that both together are such a sample again. */
  fits({ size, seed }: SkeletonSampleState): boolean {
    return size === this.#size && seed === this.#seed;
  }

  #keep(session: KeptSession): void {
    const after = this.#kept.findIndex((kept) => comesBefore(session, kept));
    this.#kept.splice(after === -1 ? this.#kept.length : after, 0, session);
    if (this.#kept.length > this.#size) this.#kept.pop();
  }

  /** The skeletons, and a warning per kind of gap that had to be filled. */
  figures(): { readonly skeletons: SessionSkeleton[]; readonly warnings: string[] } {
    const sessions = this.#kept.map(({ outline }) => unpackOutline(outline));
    const unknown: Unknowns = { thinks: 0, tools: 0, tokens: 0 };
    const typical = typicalDurations(sessions);
    const skeletons = sessions.map((session) => skeletonOf(session, typical, unknown));
    const warnings: string[] = [];
    if (unknown.tools > 0) {
      warnings.push(
        `${formatCounted(unknown.tools, 'tool call')} in the replay sessions without a duration: the median of the same tool (else of all tools, else 0) stands in.`,
      );
    }
    if (unknown.thinks > 0) {
      warnings.push(
        `${formatCounted(unknown.thinks, 'unknown wait')} between turns in the replay sessions: the median wait (else 0) stands in.`,
      );
    }
    if (unknown.tokens > 0) {
      warnings.push(
        `${formatCounted(unknown.tokens, 'LLM call')} in the replay sessions without token counts: replayed as empty.`,
      );
    }
    return { skeletons, warnings };
  }
}

interface KeptSession {
  readonly draw: number;
  readonly outline: PackedOutline;
}

export interface SkeletonSampleState {
  readonly size: number;
  readonly seed: string;
  readonly kept: readonly KeptSession[];
}

/** Equal draws mean equal ids (parts of one session in two shards): their content decides. */
function comesBefore(a: KeptSession, b: KeptSession): boolean {
  if (a.draw !== b.draw) return a.draw < b.draw;
  const [x, y] = [contentOf(a), contentOf(b)];
  return x < y;
}

function contentOf({ outline: { numbers, names } }: KeptSession): string {
  return `${numbers.join(' ')} ${names.join(' ')}`;
}

interface TypicalDurations {
  readonly toolMs: (name: string) => number;
  readonly thinkMs: number;
}

function typicalDurations(sessions: readonly SessionOutline[]): TypicalDurations {
  const byTool = new Map<string, number[]>();
  const all: number[] = [];
  const thinks: number[] = [];
  for (const { turns } of sessions) {
    for (const { thinkMs } of turns.slice(1)) if (thinkMs !== null) thinks.push(thinkMs);
    for (const step of turns.flatMap(({ steps }) => steps)) {
      if (step.kind !== 'tool' || step.durationMs === null) continue;
      all.push(step.durationMs);
      const own = byTool.get(step.name);
      if (own === undefined) byTool.set(step.name, [step.durationMs]);
      else own.push(step.durationMs);
    }
  }
  const overall = median(all);
  const medians = new Map([...byTool].map(([name, values]) => [name, median(values)]));
  return { toolMs: (name) => medians.get(name) ?? overall, thinkMs: median(thinks) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function skeletonOf(
  { turns }: SessionOutline,
  typical: TypicalDurations,
  unknown: Unknowns,
): SessionSkeleton {
  const filled = turns.map(({ thinkMs, steps }): TurnSkeleton => {
    if (thinkMs === null) unknown.thinks += 1;
    return {
      thinkMs: wholeMs(thinkMs ?? typical.thinkMs),
      steps: steps.map((step) => stepSkeleton(step, typical, unknown)),
    };
  });
  const busy = filled.filter(({ steps }) => steps.length > 0);
  return { turns: busy.map((turn, index) => (index === 0 ? { ...turn, thinkMs: 0 } : turn)) };
}

function stepSkeleton(
  step: StepOutline,
  typical: TypicalDurations,
  unknown: Unknowns,
): StepSkeleton {
  if (step.kind === 'tool') {
    if (step.durationMs === null) unknown.tools += 1;
    return { ...step, durationMs: wholeMs(step.durationMs ?? typical.toolMs(step.name)) };
  }
  if (step.kind === 'state') return step;
  const { isMissing, ...call } = step;
  if (isMissing === true) unknown.tokens += 1;
  return call;
}
