import { Random } from '../core/random.ts';
import type { Session, SessionSkeleton, Step, StepSkeleton, TurnSkeleton } from '../core/trace.ts';
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
  readonly #kept: { readonly draw: number; readonly session: Session }[] = [];

  constructor(size: number, seed: string) {
    this.#size = size;
    this.#seed = seed;
  }

  add(session: Session): void {
    const draw = new Random(`${this.#seed}/${session.id}`).uniform();
    const last = this.#kept.at(-1);
    if (this.#kept.length >= this.#size && (last === undefined || draw >= last.draw)) return;
    if (!session.turns.some(({ steps }) => steps.length > 0)) return;
    const index = this.#kept.findIndex((kept) => kept.draw > draw);
    this.#kept.splice(index === -1 ? this.#kept.length : index, 0, {
      draw,
      session: withoutPrefixes(session),
    });
    if (this.#kept.length > this.#size) this.#kept.pop();
  }

  /** The skeletons, and a warning per kind of gap that had to be filled. */
  figures(): { readonly skeletons: SessionSkeleton[]; readonly warnings: string[] } {
    const sessions = this.#kept.map(({ session }) => session);
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

/** Prefix blocks are by far the largest part of a session and no part of its skeleton. */
function withoutPrefixes(session: Session): Session {
  return {
    ...session,
    turns: session.turns.map((turn) => ({
      ...turn,
      steps: turn.steps.map((step) =>
        step.kind === 'llm' ? { ...step, prefix: undefined } : step,
      ),
    })),
  };
}

interface TypicalDurations {
  readonly toolMs: (name: string) => number;
  readonly thinkMs: number;
}

function typicalDurations(sessions: readonly Session[]): TypicalDurations {
  const byTool = new Map<string, number[]>();
  const all: number[] = [];
  const thinks: number[] = [];
  for (const session of sessions) {
    thinks.push(...thinkTimesMs(session).filter((think) => !Number.isNaN(think)));
    for (const step of session.turns.flatMap(({ steps }) => steps)) {
      if (step.kind !== 'tool') continue;
      const durationMs = toolDurationMs(step);
      if (durationMs === undefined || Number.isNaN(durationMs)) continue;
      all.push(durationMs);
      const own = byTool.get(step.name);
      if (own === undefined) byTool.set(step.name, [durationMs]);
      else own.push(durationMs);
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
  session: Session,
  typical: TypicalDurations,
  unknown: Unknowns,
): SessionSkeleton {
  const thinks = [0, ...thinkTimesMs(session)];
  const turns = session.turns.map((turn, index): TurnSkeleton => {
    let thinkMs = thinks[index]!;
    if (Number.isNaN(thinkMs)) {
      unknown.thinks += 1;
      thinkMs = typical.thinkMs;
    }
    return { thinkMs: wholeMs(thinkMs), steps: stepSkeletons(turn.steps, typical, unknown) };
  });
  const busy = turns.filter(({ steps }) => steps.length > 0);
  return { turns: busy.map((turn, index) => (index === 0 ? { ...turn, thinkMs: 0 } : turn)) };
}

function stepSkeletons(
  steps: readonly Step[],
  typical: TypicalDurations,
  unknown: Unknowns,
): StepSkeleton[] {
  const sorted = steps.toSorted((a, b) =>
    a.startMs < b.startMs ? -1 : a.startMs > b.startMs ? 1 : 0,
  );
  const names = new Map<string, string>();
  const result: StepSkeleton[] = [];
  for (const step of sorted) {
    // Steps may depend on earlier ones only, so a replay can never wait in a circle.
    const after = step.after.flatMap((id) => names.get(id) ?? []);
    const id = `s${result.length + 1}`;
    names.set(step.id, id);
    result.push(stepSkeleton(step, { id, after }, typical, unknown));
  }
  return result;
}

function stepSkeleton(
  step: Step,
  base: { readonly id: string; readonly after: readonly string[] },
  typical: TypicalDurations,
  unknown: Unknowns,
): StepSkeleton {
  switch (step.kind) {
    case 'llm': {
      // An embedding is a lookup's first half, not a generation: it is replayed as a read.
      if (!isGeneration(step)) return stateSkeleton(step, base, 'read');
      if (step.tokensBasis === 'missing') unknown.tokens += 1;
      const { model, tokens, ttftMs, endMs, startMs } = step;
      return {
        kind: 'llm',
        ...base,
        ...(model === undefined ? {} : { model }),
        tokens,
        ...(endMs === undefined ? {} : { durationMs: wholeMs(endMs - startMs) }),
        ...(ttftMs === undefined ? {} : { ttftMs: wholeMs(ttftMs) }),
      };
    }
    case 'tool': {
      const known = toolDurationMs(step);
      const isKnown = known !== undefined && !Number.isNaN(known);
      if (!isKnown) unknown.tools += 1;
      const durationMs = wholeMs(isKnown ? known : typical.toolMs(step.name));
      return { kind: 'tool', ...base, name: step.name, durationMs };
    }
    case 'state':
      return stateSkeleton(step, base, step.operation);
  }
}

function stateSkeleton(
  { startMs, endMs }: Step,
  base: { readonly id: string; readonly after: readonly string[] },
  operation: 'read' | 'write',
): StepSkeleton {
  const durationMs = endMs === undefined ? 0 : wholeMs(endMs - startMs);
  return { kind: 'state', ...base, operation, durationMs };
}

/** Skeletons are hints, and whole milliseconds keep the file small. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
