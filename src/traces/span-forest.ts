import type { SpanNode } from './span-node.ts';
import { sessionsOf } from './span-session.ts';
import type { SpanRecord } from './span-record.ts';
import type { Place, Tally } from './tally.ts';
import { findInnerCalls } from './vercel-wrappers.ts';

/** Ids under which LLM calls are already counted; `spans` are trace id and span id. */
export interface KnownCalls {
  readonly requests: Set<string>;
  readonly spans: Set<string>;
  readonly sessions: Set<string>;
}

/**
 * Collects the spans of whole inputs (spans of one trace may stand on many lines, in any order,
 * with parents that never come), then removes double counting and emits one session per session
 * id, one turn per trace, and bare calls for single spans that belong to nothing.
 */
export class SpanForest {
  readonly #tally: Tally;
  readonly #traces = new Map<string, Map<string, SpanNode>>();
  #size = 0;
  /** LLM calls seen, by what other records call them. */
  readonly known: KnownCalls = { requests: new Set(), spans: new Set(), sessions: new Set() };

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Spans added so far, repeats included. */
  get size(): number {
    return this.#size;
  }

  /** Books the span at once if it is a repeat or of no use, else at the end. */
  add(span: SpanRecord, place: Place): void {
    this.#tally.read();
    this.#size += 1;
    const trace = this.#traces.get(span.traceId) ?? new Map<string, SpanNode>();
    this.#traces.set(span.traceId, trace);
    if (trace.has(span.spanId)) {
      this.#tally.duplicate('span was exported more than once');
      return;
    }
    const isCall = span.role === 'llm' || span.role === 'embedding';
    if (isCall) {
      if (span.requestId !== undefined) this.known.requests.add(span.requestId);
      if (span.session !== undefined) this.known.sessions.add(span.session);
      this.known.spans.add(`${span.traceId} ${span.spanId}`);
    }
    trace.set(span.spanId, { span, children: [], parent: undefined, isCall });
    // Kept for the tree all the same: its children find their ancestors through it.
    if (span.role === 'none') {
      this.#tally.skip('span is no LLM call, tool, agent or state operation', place);
    }
  }

  end(): void {
    const spans = [...this.#traces.values()].flatMap((trace) => [...trace.values()]);
    const unlinked = findInnerCalls(spans);
    const traces: SpanNode[][] = [];
    for (const trace of this.#traces.values()) {
      link(trace);
      const roots = [...trace.values()].filter(({ parent }) => parent === undefined);
      traces.push(roots);
      this.#settle(roots, unlinked);
    }
    this.#traces.clear();
    for (const found of sessionsOf(traces)) {
      if ('turns' in found) this.#tally.session(found);
      else this.#tally.call(found);
    }
  }

  /** Decides from the leaves up which spans are calls, and books every span of a trace. */
  #settle(roots: readonly SpanNode[], unlinked: ReadonlySet<SpanNode>): void {
    const order = [...roots];
    for (let at = 0; at < order.length; at += 1) {
      for (const child of order[at]!.children) order.push(child);
    }
    const below = new Map<SpanNode, InnerCalls>();
    for (const node of order.toReversed()) {
      const inner = innerCalls(node, below);
      this.#book(node, inner, unlinked);
      below.set(node, inner);
    }
  }

  #book(node: SpanNode, inner: InnerCalls, unlinked: ReadonlySet<SpanNode>): void {
    const { role, llm } = node.span;
    if (role === 'none') return;
    if (role === 'llm' || role === 'embedding') {
      // An LLM span around LLM spans: the inner ones count.
      node.isCall = inner.visible === 0;
      if (node.isCall || llm?.tokens === undefined) this.#tally.used();
      else {
        const same = llm.tokens.uncached === inner.uncached && llm.tokens.output === inner.output;
        this.#tally.duplicate(
          same
            ? 'LLM span around LLM spans: same usage'
            : 'LLM span around LLM spans: different usage, the inner one counts',
        );
      }
    } else if (role === 'group' && llm !== undefined) {
      // Aggregates on agents, workflows and SDK wrappers (rules 1 and 3).
      node.isCall = inner.all === 0 && llm.aggregateOnly !== true && !unlinked.has(node);
      if (node.isCall) this.#tally.used();
      else this.#tally.duplicate('aggregate usage on an agent, workflow or SDK span');
    } else this.#tally.used();
  }
}

/** Counted calls below a span. */
interface InnerCalls {
  readonly all: number;
  /**
   * Those that run within the span's time and not inside a tool or agent that it started, and
   * their uncached usage. A child that starts after its parent's end follows it (causal parents).
   */
  readonly visible: number;
  readonly uncached: number;
  readonly output: number;
}

function innerCalls(node: SpanNode, below: ReadonlyMap<SpanNode, InnerCalls>): InnerCalls {
  let all = 0;
  let visible = 0;
  let uncached = 0;
  let output = 0;
  const endMs = node.span.endMs ?? Number.POSITIVE_INFINITY;
  for (const child of node.children) {
    const inner = below.get(child)!;
    const own = child.isCall ? 1 : 0;
    all += inner.all + own;
    const { startMs, endMs: childEndMs = startMs } = child.span;
    if (startMs >= endMs || childEndMs < node.span.startMs) continue;
    visible += own;
    if (child.isCall) {
      uncached += child.span.llm?.tokens?.uncached ?? 0;
      output += child.span.llm?.tokens?.output ?? 0;
    }
    if (child.span.role === 'tool' || child.span.isAgent === true) continue;
    visible += inner.visible;
    uncached += inner.uncached;
    output += inner.output;
  }
  return { all, visible, uncached, output };
}

/** Hangs spans below their parents; a cycle (damaged or hostile ids) is cut open. */
function link(trace: ReadonlyMap<string, SpanNode>): void {
  const settled = new Set<SpanNode>();
  for (const start of trace.values()) {
    const path = new Set<SpanNode>();
    let node = start;
    while (!settled.has(node)) {
      settled.add(node);
      path.add(node);
      const { parentId } = node.span;
      const parent = parentId === undefined ? undefined : trace.get(parentId);
      if (parent === undefined || path.has(parent)) break;
      node.parent = parent;
      parent.children.push(node);
      node = parent;
    }
  }
}
