import { Random } from '../core/random.ts';
import type {
  LlmSkeleton,
  Session,
  SessionSkeleton,
  StateSkeleton,
  Step,
  StepSkeleton,
  ToolSkeleton,
  TurnSkeleton,
} from '../core/trace.ts';
import { isGeneration, thinkTimesMs, toolDurationMs } from './session-fold.ts';

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
    this.#keep({ draw, outline: JSON.stringify(outlineOf(session)) });
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
    const sessions = this.#kept.map(({ outline }) => JSON.parse(outline) as SessionOutline);
    const unknown: Unknowns = { thinks: 0, tools: 0, tokens: 0 };
    const typical = typicalDurations(sessions);
    const skeletons = sessions.map((session) => skeletonOf(session, typical, unknown));
    const warnings: string[] = [];
    if (unknown.tools > 0) {
      warnings.push(
        `${unknown.tools} tool calls in the replay sessions have no duration; the median of the same tool (else of all tools, else 0) stands in.`,
      );
    }
    if (unknown.thinks > 0) {
      warnings.push(
        `${unknown.thinks} waits between turns are unknown in the replay sessions; the median wait (else 0) stands in.`,
      );
    }
    if (unknown.tokens > 0) {
      warnings.push(
        `${unknown.tokens} LLM calls in the replay sessions have no token counts and are replayed as empty.`,
      );
    }
    return { skeletons, warnings };
  }
}

interface KeptSession {
  readonly draw: number;
  /** A SessionOutline as JSON: one string instead of a tree of thousands of objects that live long. */
  readonly outline: string;
}

/** What a skeleton needs of a session and nothing else: no ids, errors or hashes. */
interface SessionOutline {
  readonly turns: readonly {
    /** Null when unknown. */
    readonly thinkMs: number | null;
    readonly steps: readonly StepOutline[];
  }[];
}

type StepOutline =
  | (LlmSkeleton & { readonly isMissing?: true })
  | StateSkeleton
  /** Null when unknown. */
  | (Omit<ToolSkeleton, 'durationMs'> & { readonly durationMs: number | null });

export interface SkeletonSampleState {
  readonly size: number;
  readonly seed: string;
  readonly kept: readonly KeptSession[];
}

/** Equal draws mean equal ids (parts of one session in two shards): their content decides. */
function comesBefore(a: KeptSession, b: KeptSession): boolean {
  if (a.draw !== b.draw) return a.draw < b.draw;
  return a.outline < b.outline;
}

function outlineOf(session: Session): SessionOutline {
  const thinks = [0, ...thinkTimesMs(session)];
  return {
    turns: session.turns.map(({ steps }, index) => ({
      thinkMs: knownMs(thinks[index]),
      steps: stepOutlines(steps),
    })),
  };
}

function stepOutlines(steps: readonly Step[]): StepOutline[] {
  const sorted = steps.toSorted((a, b) =>
    a.startMs < b.startMs ? -1 : a.startMs > b.startMs ? 1 : 0,
  );
  const names = new Map<string, string>();
  const result: StepOutline[] = [];
  for (const step of sorted) {
    // Steps may depend on earlier ones only, so a replay can never wait in a circle.
    const after = step.after.flatMap((id) => names.get(id) ?? []);
    const id = `s${result.length + 1}`;
    names.set(step.id, id);
    result.push(stepOutline(step, { id, after }));
  }
  return result;
}

function stepOutline(
  step: Step,
  base: { readonly id: string; readonly after: readonly string[] },
): StepOutline {
  switch (step.kind) {
    case 'llm': {
      // An embedding is a lookup's first half, not a generation: it is replayed as a read.
      if (!isGeneration(step)) return stateSkeleton(step, base, 'read');
      const { model, tokens, ttftMs, endMs, startMs } = step;
      return {
        kind: 'llm',
        ...base,
        ...(model === undefined ? {} : { model }),
        tokens,
        ...(endMs === undefined || Number.isNaN(startMs)
          ? {}
          : { durationMs: wholeMs(endMs - startMs) }),
        ...(ttftMs === undefined ? {} : { ttftMs: wholeMs(ttftMs) }),
        ...(step.tokensBasis === 'missing' ? { isMissing: true } : {}),
      };
    }
    case 'tool':
      return { kind: 'tool', ...base, name: step.name, durationMs: knownMs(toolDurationMs(step)) };
    case 'state':
      return stateSkeleton(step, base, step.operation);
  }
}

function knownMs(ms: number | undefined): number | null {
  return ms === undefined || Number.isNaN(ms) ? null : ms;
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

function stateSkeleton(
  { startMs, endMs }: Step,
  base: { readonly id: string; readonly after: readonly string[] },
  operation: 'read' | 'write',
): StateSkeleton {
  const durationMs = endMs === undefined ? 0 : wholeMs(endMs - startMs);
  return { kind: 'state', ...base, operation, durationMs };
}

/** Skeletons are hints, and whole milliseconds keep the file small. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
