import type { Fault } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError } from '../http/dialect.ts';
import type { ComposedReply, Segment } from './compose-reply.ts';
import { isHarmless } from './framing.ts';

/** Decoding steps before a fault inside a stream strikes; at least the first token is sent. */
export function stepsBefore(fault: Fault): number {
  return Math.max(1, ('afterTokens' in fault ? fault.afterTokens : undefined) ?? 1);
}

/** Whether a reply that was sent to its end is still a bad one. */
export function spoilsReply(fault: Fault | undefined): boolean {
  switch (fault?.kind) {
    case 'malformed-json':
    case 'wrong-usage':
    case 'truncate':
    case 'reset':
    case 'error-event':
    case 'html':
    case 'status':
    case 'skip-event':
    case 'reorder-events':
    case 'cut-arguments':
      return true;
    case 'framing':
      return !isHarmless(fault.how);
    case 'slow-first-token':
    case 'slow-headers':
    case 'stall':
    case 'stale-connection':
    case undefined:
      return false;
  }
}

/** The usage to report: the true one, or a multiple of it. */
export function wrongUsage(usage: TokenRecord, fault: Fault | undefined): TokenRecord {
  if (fault?.kind !== 'wrong-usage') return usage;
  const wrong = (value: number): number => Math.round(value * fault.factor);
  return {
    uncached: wrong(usage.uncached),
    cacheRead: wrong(usage.cacheRead),
    cacheWrite5m: wrong(usage.cacheWrite5m),
    cacheWrite1h: wrong(usage.cacheWrite1h),
    output: wrong(usage.output),
    reasoning: wrong(usage.reasoning),
  };
}

/** SSE text whose last data line no longer parses. */
export function breakFrame(text: string): string {
  const start = text.lastIndexOf('data: ');
  if (start === -1) return `data: {"broken\n\n${text}`;
  const end = text.indexOf('\n', start);
  const middle = start + 'data: '.length + Math.floor((end - start - 'data: '.length) / 2);
  return text.slice(0, middle) + text.slice(end);
}

/** SSE text in two: its last event, and what comes before it. */
export function cutLastEvent(text: string): { readonly before: string; readonly last: string } {
  const at = text.lastIndexOf('\n\n', text.length - 3);
  const start = at === -1 ? 0 : at + 2;
  return { before: text.slice(0, start), last: text.slice(start) };
}

/** The reply with half the arguments of each tool call. */
export function cutArguments(composed: ComposedReply): ComposedReply {
  const cut = (segment: Segment): Segment =>
    segment.kind === 'tool'
      ? { ...segment, call: { ...segment.call, arguments: breakJson(segment.call.arguments) } }
      : segment;
  const choices = composed.choices.map((choice) => ({
    ...choice,
    segments: choice.segments.map(cut),
  }));
  return { ...composed, choices };
}

/** A JSON body cut in its middle. */
export function breakJson(text: string): string {
  return text.slice(0, Math.floor(text.length / 2));
}

const MESSAGES: Readonly<Record<number, string>> = {
  429: 'Rate limit reached. Please try again later.',
  500: 'The server had an error while processing your request. Sorry about that!',
  503: 'The server is currently overloaded with other requests. Sorry about that! You can retry your request.',
  529: 'Overloaded',
};

/** The error of a `status` or `error-event` fault. */
export function errorOf(fault: Fault & { readonly kind: 'status' | 'error-event' }): ApiError {
  const { status, code } = fault;
  return {
    status,
    code,
    type: fault.kind === 'status' ? fault.type : undefined,
    message: fault.message ?? MESSAGES[status] ?? `Simulated fault ${status}`,
  };
}

/** Retry headers of a `status` fault. */
export function retryHeaders(
  fault: Fault & { readonly kind: 'status' },
  nowEpochMs: number,
): Readonly<Record<string, string>> {
  const { retryAfter, retryAfterForm, retryAfterMs, retryAfterSkew = 0, shouldRetry } = fault;
  const told = (ms: number): string =>
    retryAfterForm === 'seconds'
      ? String(Math.ceil(ms / 1000))
      : new Date(Math.ceil((nowEpochMs + ms - retryAfterSkew) / 1000) * 1000).toUTCString();
  return {
    ...(retryAfter === undefined ? {} : { 'retry-after': told(retryAfter) }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(Math.ceil(retryAfterMs)) }),
    ...(shouldRetry === undefined ? {} : { 'x-should-retry': String(shouldRetry) }),
  };
}

/** Puts an event after the first of the events that follow it; an empty one changes nothing. */
export function swapFirst(events: string, late: string): string {
  const end = events.indexOf('\n\n') + 2;
  return events.slice(0, end) + late + events.slice(end);
}
