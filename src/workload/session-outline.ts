import type {
  LlmCall,
  LlmSkeleton,
  Session,
  StateSkeleton,
  Step,
  ToolSkeleton,
} from '../core/trace.ts';
import { isGeneration, thinkTimesMs, toolDurationMs } from './session-fold.ts';

/** What a replay needs of a session and nothing else: no ids, errors or hashes. */
export interface SessionOutline {
  readonly turns: readonly {
    /** Null when unknown. */
    readonly thinkMs: number | null;
    readonly steps: readonly StepOutline[];
  }[];
}

export type StepOutline =
  | (LlmSkeleton & { readonly isMissing?: true })
  | StateSkeleton
  /** Null when unknown. */
  | (Omit<ToolSkeleton, 'durationMs'> & { readonly durationMs: number | null });

/**
 * An outline as one list of numbers and the names they refer to: hundreds of sessions with
 * thousands of steps are kept, moved between threads and mostly thrown away again. NaN is unknown.
 * - session: its turns one after another
 * - turn: wait before it, number of steps, steps
 * - step: kind, number of steps it follows, their numbers in the turn, then
 *   - call: model, uncached, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning, duration,
 *     time to first token, 1 when its tokens are missing
 *   - tool: name, duration
 *   - read, write: duration
 */
export interface PackedOutline {
  readonly numbers: Float64Array;
  readonly names: readonly string[];
}

const CALL = 0;
const TOOL = 1;
const READ = 2;
const WRITE = 3;

export function packOutline(session: Session): PackedOutline {
  const numbers: number[] = [];
  const names = new Map<string, number>();
  const thinks = thinkTimesMs(session);
  for (const [index, { steps }] of session.turns.entries()) {
    numbers.push(index === 0 ? 0 : thinks[index - 1]!, steps.length);
    packSteps(steps, numbers, names);
  }
  return { numbers: Float64Array.from(numbers), names: [...names.keys()] };
}

export function unpackOutline({ numbers, names }: PackedOutline): SessionOutline {
  const turns: SessionOutline['turns'][number][] = [];
  let at = 0;
  const next = (): number => numbers[at++]!;
  while (at < numbers.length) {
    const thinkMs = knownMs(next());
    const count = next();
    const steps: StepOutline[] = [];
    while (steps.length < count) {
      const kind = next();
      const after = Array.from({ length: next() }, () => `s${next()}`);
      steps.push(unpackStep(kind, { id: `s${steps.length + 1}`, after }, next, names));
    }
    turns.push({ thinkMs, steps });
  }
  return { turns };
}

function packSteps(steps: readonly Step[], numbers: number[], names: Map<string, number>): void {
  const places = new Map<string, number>();
  let place = 0;
  for (const step of inOrderOfStart(steps)) {
    const isCall = isGeneration(step);
    numbers.push(isCall ? CALL : step.kind === 'tool' ? TOOL : isWrite(step) ? WRITE : READ, 0);
    const countAt = numbers.length - 1;
    for (const id of step.after) {
      // Steps may depend on earlier ones only, so a replay can never wait in a circle.
      const before = places.get(id);
      if (before !== undefined) numbers.push(before);
    }
    numbers[countAt] = numbers.length - 1 - countAt;
    place += 1;
    places.set(step.id, place);
    if (isCall) packCall(step, numbers, names);
    else if (step.kind === 'tool') {
      numbers.push(numberOf(step.name, names), toolDurationMs(step) ?? Number.NaN);
    } else numbers.push(wholeMs(lengthOf(step)));
  }
}

function packCall(call: LlmCall, numbers: number[], names: Map<string, number>): void {
  const { model, tokens, ttftMs, endMs, startMs, tokensBasis } = call;
  numbers.push(
    model === undefined ? Number.NaN : numberOf(model, names),
    tokens.uncached,
    tokens.cacheRead,
    tokens.cacheWrite5m,
    tokens.cacheWrite1h,
    tokens.output,
    tokens.reasoning,
    endMs === undefined || Number.isNaN(startMs) ? Number.NaN : wholeMs(endMs - startMs),
    ttftMs === undefined ? Number.NaN : wholeMs(ttftMs),
    tokensBasis === 'missing' ? 1 : 0,
  );
}

function unpackStep(
  kind: number,
  base: { readonly id: string; readonly after: readonly string[] },
  next: () => number,
  names: readonly string[],
): StepOutline {
  if (kind === TOOL)
    return { kind: 'tool', ...base, name: names[next()]!, durationMs: knownMs(next()) };
  if (kind !== CALL) {
    return {
      kind: 'state',
      ...base,
      operation: kind === WRITE ? 'write' : 'read',
      durationMs: next(),
    };
  }
  const model = names[next()];
  const tokens = {
    uncached: next(),
    cacheRead: next(),
    cacheWrite5m: next(),
    cacheWrite1h: next(),
    output: next(),
    reasoning: next(),
  };
  const durationMs = next();
  const ttftMs = next();
  const isMissing = next() === 1;
  return {
    kind: 'llm',
    ...base,
    ...(model === undefined ? {} : { model }),
    tokens,
    ...(Number.isNaN(durationMs) ? {} : { durationMs }),
    ...(Number.isNaN(ttftMs) ? {} : { ttftMs }),
    ...(isMissing ? { isMissing } : {}),
  };
}

function inOrderOfStart(steps: readonly Step[]): readonly Step[] {
  for (let index = 1; index < steps.length; index += 1) {
    if (steps[index]!.startMs >= steps[index - 1]!.startMs) continue;
    return steps.toSorted((a, b) => (a.startMs < b.startMs ? -1 : a.startMs > b.startMs ? 1 : 0));
  }
  return steps;
}

/** 0 when unknown. */
function lengthOf({ startMs, endMs }: Step): number {
  const ms = (endMs ?? startMs) - startMs;
  return Number.isNaN(ms) ? 0 : ms;
}

/** An embedding is a lookup's first half, not a generation: it is replayed as a read. */
function isWrite(step: Step): boolean {
  return step.kind === 'state' && step.operation === 'write';
}

function numberOf(name: string, names: Map<string, number>): number {
  const known = names.get(name);
  if (known !== undefined) return known;
  names.set(name, names.size);
  return names.size - 1;
}

function knownMs(ms: number): number | null {
  return Number.isNaN(ms) ? null : ms;
}

/** Skeletons are hints, and whole milliseconds keep the file small. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
