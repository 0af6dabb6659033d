import type { Fault } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError } from '../http/dialect.ts';
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
      return true;
    case 'framing':
      return !isHarmless(fault.how);
    case 'slow-first-token':
    case 'slow-headers':
    case 'stall':
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
): Readonly<Record<string, string>> {
  const { retryAfter, retryAfterMs, shouldRetry } = fault;
  return {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(Math.ceil(retryAfterMs)) }),
    ...(shouldRetry === undefined ? {} : { 'x-should-retry': String(shouldRetry) }),
  };
}
