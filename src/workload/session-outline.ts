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
/** Numbers of a call behind the steps it follows. */
const CALL_NUMBERS = 10;

export function packOutline(session: Session): PackedOutline {
  const numbers: number[] = [];
  const names = new Map<string, number>();
  const thinks = thinkTimesMs(session);
  for (const [index, { steps }] of session.turns.entries()) {
    numbers.push(index === 0 ? 0 : thinks[index - 1]!, steps.length);
    packSteps(steps, numbers, names);
  }
  return { numbers: new Float64Array(numbers), names: [...names.keys()] };
}

export function unpackOutline({ numbers, names }: PackedOutline): SessionOutline {
  const turns: SessionOutline['turns'][number][] = [];
  for (let at = 0; at < numbers.length;) {
    const thinkMs = knownMs(numbers[at]!);
    const count = numbers[at + 1]!;
    at += 2;
    const steps: StepOutline[] = [];
    while (steps.length < count) {
      const kind = numbers[at]!;
      const rest = at + 2 + numbers[at + 1]!;
      const after: string[] = [];
      for (at += 2; at < rest; at += 1) after.push(`s${numbers[at]!}`);
      steps.push(unpackStep(kind, { id: `s${steps.length + 1}`, after }, numbers, at, names));
      at += kind === CALL ? CALL_NUMBERS : kind === TOOL ? 2 : 1;
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

/** @param at where the step's own numbers begin */
function unpackStep(
  kind: number,
  { id, after }: { readonly id: string; readonly after: readonly string[] },
  numbers: Float64Array,
  at: number,
  names: readonly string[],
): StepOutline {
  if (kind === TOOL) {
    return {
      kind: 'tool',
      id,
      after,
      name: names[numbers[at]!]!,
      durationMs: knownMs(numbers[at + 1]!),
    };
  }
  if (kind !== CALL) {
    const operation = kind === WRITE ? 'write' : 'read';
    return { kind: 'state', id, after, operation, durationMs: numbers[at]! };
  }
  const model = names[numbers[at]!];
  const durationMs = numbers[at + 7]!;
  const ttftMs = numbers[at + 8]!;
  return {
    kind: 'llm',
    id,
    after,
    ...(model === undefined ? {} : { model }),
    tokens: {
      uncached: numbers[at + 1]!,
      cacheRead: numbers[at + 2]!,
      cacheWrite5m: numbers[at + 3]!,
      cacheWrite1h: numbers[at + 4]!,
      output: numbers[at + 5]!,
      reasoning: numbers[at + 6]!,
    },
    ...(Number.isNaN(durationMs) ? {} : { durationMs }),
    ...(Number.isNaN(ttftMs) ? {} : { ttftMs }),
    ...(numbers[at + 9] === 1 ? { isMissing: true } : {}),
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
