import { NO_TOKENS } from '../core/tokens.ts';
import type { LlmCall, Session, Step, Turn } from '../core/trace.ts';
import type { SpanNode } from './span-node.ts';
import { directPredecessors } from './step-order.ts';

/** Trees deeper than this are flattened at the limit: real ones are below 50, and recursion is not free. */
const DEEPEST_LEVEL = 64;

/**
 * Sessions and bare calls of traces, each given by its root spans. A trace is a turn of the session
 * that its spans name; Claude Code's interactions are turns of their own. A trace that names no
 * session is a session of its own (`idBasis: 'trace'`), or a bare call when it is a single LLM call.
 */
export function sessionsOf(
  traces: readonly (readonly SpanNode[])[],
): readonly (Session | LlmCall)[] {
  const result: (Session | LlmCall)[] = [];
  const bySession = new Map<string, TraceParts[]>();
  for (const roots of traces) {
    const parts = partsOf(roots);
    if (parts === undefined) continue;
    if (parts.session !== undefined) {
      const known = bySession.get(parts.session);
      if (known === undefined) bySession.set(parts.session, [parts]);
      else known.push(parts);
      continue;
    }
    const [turn] = parts.turns;
    const [step] = turn!.steps;
    if (parts.turns.length === 1 && turn!.steps.length === 1 && step!.kind === 'llm') {
      result.push(step!);
    } else {
      result.push({ ...identity(parts), id: parts.trace, idBasis: 'trace', turns: parts.turns });
    }
  }
  for (const [id, parts] of bySession) {
    const turns = parts.flatMap((part) => part.turns);
    const ordered = turns.toSorted((a, b) => a.startMs - b.startMs);
    result.push({ ...identity(parts[0]!), id, turns: ordered });
  }
  return result;
}

interface TraceParts {
  readonly trace: string;
  readonly session: string | undefined;
  readonly user: string | undefined;
  readonly agent: string | undefined;
  readonly turns: readonly Turn[];
}

function identity({ agent, user }: TraceParts): Omit<Session, 'id' | 'turns'> {
  return { agent, user };
}

function partsOf(roots: readonly SpanNode[]): TraceParts | undefined {
  const turns = turnRoots(roots)
    .map(turnOf)
    .filter((turn) => turn !== undefined);
  if (turns.length === 0) return undefined;
  const found = firstOf(roots);
  return {
    trace: roots[0]!.span.traceId,
    session: found((span) => span.session),
    user: found((span) => span.user),
    agent: found((span) => span.agent) ?? found((span) => span.service),
    turns,
  };
}

/** The spans that start turns inside a trace, or all its roots as one turn. */
function turnRoots(roots: readonly SpanNode[]): readonly (readonly SpanNode[])[] {
  const starters: SpanNode[] = [];
  walk(roots, (node) => {
    if (node.span.startsTurn === true) starters.push(node);
    return node.span.startsTurn !== true;
  });
  if (starters.length === 0) return [roots];
  const others = roots.filter((root) => !containsStarter(root));
  return others.length === 0
    ? starters.map((node) => [node])
    : [...starters.map((node) => [node]), others];
}

function containsStarter(root: SpanNode): boolean {
  let found = false;
  walk([root], (node) => {
    found ||= node.span.startsTurn === true;
    return !found;
  });
  return found;
}

function turnOf(roots: readonly SpanNode[]): Turn | undefined {
  const level = roots.map((root) => levelOf(root, 0, undefined));
  const steps: Placed[] = [];
  place(level, [], steps);
  if (steps.length === 0) return undefined;
  steps.sort(byStart);
  const ids = new Map(steps.map(({ node }, index) => [node, String(index + 1)]));
  const bounds = boundsOf(level);
  return {
    startMs: bounds.startMs,
    endMs: Number.isFinite(bounds.endMs) ? bounds.endMs : undefined,
    steps: steps.map((placed) => stepOf(placed, ids)),
  };
}

/** A node of the order tree: a step, a group of others, or both. */
interface Level {
  readonly node: SpanNode;
  readonly isStep: boolean;
  readonly agent: string | undefined;
  readonly children: readonly Level[];
  readonly startMs: number;
  readonly endMs: number;
}

interface Placed {
  readonly node: SpanNode;
  readonly startMs: number;
  readonly agent: string | undefined;
  readonly after: readonly SpanNode[];
}

function levelOf(node: SpanNode, depth: number, agent: string | undefined): Level {
  const own = node.span.agent ?? agent;
  const children = (depth < DEEPEST_LEVEL ? node.children : descendants(node)).map((child) =>
    levelOf(depth < DEEPEST_LEVEL ? child : { ...child, children: [] }, depth + 1, own),
  );
  const bounds = boundsOf(children);
  const { startMs, endMs } = node.span;
  return {
    node,
    isStep: node.isCall || STEP_ROLES.has(node.span.role),
    agent: own,
    children,
    startMs: Math.min(startMs, bounds.startMs),
    endMs: Math.max(endMs ?? startMs, bounds.endMs),
  };
}

/**
 * Places the steps of a level: siblings follow one another by their intervals, what is inside a
 * span starts when the span may start, and what follows the span waits for the last inside it.
 * Returns the steps nothing inside follows; `entry` when there is none.
 */
function place(
  level: readonly Level[],
  entry: readonly SpanNode[],
  steps: Placed[],
): readonly SpanNode[] {
  const ordered = level.toSorted(byStart);
  const predecessors = directPredecessors(ordered);
  const exits: (readonly SpanNode[])[] = [];
  const followed = new Set<number>();
  for (const [index, child] of ordered.entries()) {
    const before = predecessors[index]!;
    for (const at of before) followed.add(at);
    const inherited =
      before.length === 0 ? entry : [...new Set(before.flatMap((at) => exits[at]!))];
    if (!child.isStep) {
      exits.push(place(child.children, inherited, steps));
      continue;
    }
    const { node, startMs, agent } = child;
    steps.push({ node, startMs: node.span.startMs || startMs, agent, after: inherited });
    const endMs = node.span.endMs ?? Number.POSITIVE_INFINITY;
    const within = child.children.filter((inner) => !(inner.startMs >= endMs));
    const inside = within.length === 0 ? [] : place(within, inherited, steps);
    const exit = [...new Set([node, ...inside.filter((last) => !inherited.includes(last))])];
    // A child that starts after its parent's end follows it.
    const later = child.children.filter((inner) => inner.startMs >= endMs);
    exits.push(later.length === 0 ? exit : place(later, exit, steps));
  }
  const last = exits.flatMap((exit, index) => (followed.has(index) ? [] : exit));
  return last.length === 0 ? entry : [...new Set(last)];
}

/** By time; equal times by span id, so that the order of a file's records does not matter. */
function byStart(a: Ordered, b: Ordered): number {
  const difference = a.startMs - b.startMs;
  // Without times the order of the records is all there is.
  if (Number.isNaN(difference)) return 0;
  return difference || (a.node.span.spanId < b.node.span.spanId ? -1 : 1);
}

interface Ordered {
  readonly node: SpanNode;
  readonly startMs: number;
}

function stepOf({ node, agent, after }: Placed, ids: ReadonlyMap<SpanNode, string>): Step {
  const { span } = node;
  const base = {
    id: ids.get(node)!,
    after: after.map((before) => ids.get(before)!).toSorted((a, b) => Number(a) - Number(b)),
    startMs: span.startMs,
    endMs: span.endMs,
  };
  if (node.isCall) return { ...base, ...llmParts(node, agent) };
  if (span.role === 'tool') {
    const humanWaitMs = waitMs(node);
    const whole =
      span.durationMs ?? (span.endMs === undefined ? undefined : span.endMs - span.startMs);
    return {
      ...base,
      kind: 'tool',
      name: span.tool ?? span.name,
      durationMs: whole === undefined ? undefined : Math.max(0, whole - (humanWaitMs ?? 0)),
      humanWaitMs,
      error: span.error === undefined ? undefined : true,
      argumentsHash: span.argumentsHash,
    };
  }
  const operation = span.role === 'write' ? 'write' : 'read';
  const { store, bytes, records } = span;
  return { ...base, kind: 'state', operation, store, bytes, records };
}

function llmParts(
  { span }: SpanNode,
  agent: string | undefined,
): Omit<LlmCall, 'id' | 'after' | 'startMs'> {
  const { llm } = span;
  const last = { startMs: span.startMs, endMs: span.endMs, status: span.status, error: span.error };
  // Earlier tries are known by number only: the span's own times are the last one's.
  const earlier = Array.from({ length: Math.min((llm?.attempt ?? 1) - 1, MOST_ATTEMPTS) }, () => ({
    startMs: span.startMs,
    error: 'retried',
  }));
  return {
    kind: 'llm',
    endMs: span.endMs,
    model: llm?.model,
    provider: llm?.provider,
    operation:
      span.role === 'embedding' ? 'embedding' : llm?.completion === true ? 'completion' : 'chat',
    tokens: llm?.tokens ?? NO_TOKENS,
    tokensBasis:
      llm?.tokens === undefined ? 'missing' : llm.estimated === true ? 'estimated' : 'reported',
    ttftMs: llm?.ttftMs,
    streamed: llm?.streamed,
    attempts: [...earlier, last],
    error: span.error,
    finishReason: llm?.finishReason,
    agent,
    details: llm?.details,
  };
}

/** Human wait reported by spans inside a tool span. */
function waitMs(node: SpanNode): number | undefined {
  let total: number | undefined;
  for (const { span } of node.children) {
    if (span.role !== 'wait') continue;
    total = (total ?? 0) + (span.durationMs ?? (span.endMs ?? span.startMs) - span.startMs);
  }
  return total;
}

function boundsOf(levels: readonly { readonly startMs: number; readonly endMs: number }[]): {
  startMs: number;
  endMs: number;
} {
  let startMs = Number.POSITIVE_INFINITY;
  let endMs = Number.NEGATIVE_INFINITY;
  for (const level of levels) {
    startMs = Math.min(startMs, level.startMs);
    endMs = Math.max(endMs, level.endMs);
  }
  return { startMs, endMs };
}

function firstOf(roots: readonly SpanNode[]) {
  return <T>(pick: (span: SpanNode['span']) => T | undefined): T | undefined => {
    let found: T | undefined;
    walk(roots, (node) => {
      found ??= pick(node.span);
      return found === undefined;
    });
    return found;
  };
}

function descendants(node: SpanNode): readonly SpanNode[] {
  const all: SpanNode[] = [];
  walk(node.children, (below) => {
    all.push(below);
    return true;
  });
  return all;
}

/** Breadth first, without recursion; `enter` says whether to look below a node. */
function walk(roots: readonly SpanNode[], enter: (node: SpanNode) => boolean): void {
  const queue = [...roots];
  for (let at = 0; at < queue.length; at += 1) {
    const node = queue[at]!;
    if (enter(node)) for (const child of node.children) queue.push(child);
  }
}

const STEP_ROLES = new Set(['tool', 'read', 'write']);
/** More tries than any client makes; a larger number is damage. */
const MOST_ATTEMPTS = 100;
