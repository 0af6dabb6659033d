import type { SpanNode } from './span-node.ts';

/**
 * Clock difference tolerated between a wrapper and its call, in milliseconds: both are taken in
 * one process, the wrapper's end up to a few milliseconds after the call's.
 */
const TOLERANCE_MS = 50;

/**
 * Wrappers whose call is present but not linked: Vercel's SDK can export every span in a trace of
 * its own. `ai.generateText` repeats an `ai.generateText.do…` that lies
 * within its interval.
 */
export function findInnerCalls(spans: readonly SpanNode[]): ReadonlySet<SpanNode> {
  const byWrapper = new Map<string, SpanNode[]>();
  for (const node of spans) {
    const wrapper = /^(ai\.\w+)\.do/.exec(node.span.name)?.[1];
    if (wrapper === undefined) continue;
    const known = byWrapper.get(wrapper);
    if (known === undefined) byWrapper.set(wrapper, [node]);
    else known.push(node);
  }
  for (const inner of byWrapper.values()) inner.sort((a, b) => a.span.startMs - b.span.startMs);
  const found = new Set<SpanNode>();
  for (const node of spans) {
    const { role, llm, name } = node.span;
    if (role !== 'group' || llm === undefined) continue;
    const inner = byWrapper.get(name.split(' ', 1)[0]!);
    if (inner !== undefined && hasInside(node, inner)) found.add(node);
  }
  return found;
}

/** @param calls ascending by start */
function hasInside(wrapper: SpanNode, calls: readonly SpanNode[]): boolean {
  const from = wrapper.span.startMs - TOLERANCE_MS;
  const to = (wrapper.span.endMs ?? Number.POSITIVE_INFINITY) + TOLERANCE_MS;
  let low = 0;
  let high = calls.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (calls[middle]!.span.startMs < from) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < calls.length && calls[at]!.span.startMs <= to; at += 1) {
    const { startMs, endMs } = calls[at]!.span;
    if ((endMs ?? startMs) <= to) return true;
  }
  return false;
}
