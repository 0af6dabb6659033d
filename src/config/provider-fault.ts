import { z } from 'zod';

import { count, duration, oneOf, share, strict } from './fields.ts';

/** Ways to frame a stream. The first three are legal and must not disturb any client. */
const FRAMINGS = [
  /** CRLF line ends. */
  'crlf',
  /** Comment lines and extra blank lines between frames. */
  'comments',
  /** Frames cut into pieces of seven bytes, each written on its own. */
  'pieces',
  /** No `event:` lines: Anthropic's SDK drops such frames. */
  'no-event-lines',
  /** The last frame lacks its blank line. */
  'no-last-blank-line',
  /** Every frame comes twice. */
  'duplicate-frames',
] as const;

export type Framing = (typeof FRAMINGS)[number];

/** When a fault strikes and whom. Absent fields do not restrict. */
const condition = {
  /** Shown in the log and in the counts; the kind when absent. */
  name: z.string().min(1).optional(),
  probability: share().optional(),
  /** Every n-th matching request, counted from 1. */
  every: z.int().min(1).optional(),
  /** The first n matching requests only. */
  first: z.int().min(1).optional(),
  /** Start and length of the time window, from the start of the provider (or of the fault's upload). */
  from: duration().optional(),
  for: duration().optional(),
  models: z.array(z.string()).min(1).optional(),
  /** Names of keys, as configured or as the admin endpoint shows them. */
  keys: z.array(z.string()).min(1).optional(),
  stream: z.boolean().optional(),
};

/** Output tokens sent before a fault inside a stream. */
const afterTokens = { afterTokens: count().optional() };

/** One line of a fault script. `kind` says what happens; see docs of `agent-infra provider`. */
const faultSchema = z.discriminatedUnion('kind', [
  /** An error answer, e.g. a 429 storm, 529, 503; retry headers as given. */
  strict({
    kind: z.literal('status'),
    ...condition,
    status: z.int().min(400).max(599),
    type: z.string().optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    retryAfter: duration().optional(),
    /** Write retry-after as seconds or as an HTTP date. */
    retryAfterForm: oneOf(['seconds', 'date']).default('seconds'),
    /** The date is by a clock that is so much behind: a date in the past when it exceeds retryAfter. */
    retryAfterSkew: duration().optional(),
    retryAfterMs: duration().optional(),
    shouldRetry: z.boolean().optional(),
  }),
  /** The first token comes later by `delay`. */
  strict({ kind: z.literal('slow-first-token'), ...condition, delay: duration() }),
  /** Nothing at all is sent for `delay`; without it, never. */
  strict({ kind: z.literal('slow-headers'), ...condition, delay: duration().optional() }),
  /** The stream falls silent for `pause`; without it, for ever, with the socket open. */
  strict({
    kind: z.literal('stall'),
    ...condition,
    ...afterTokens,
    pause: duration().optional(),
  }),
  /** An error event in a 200 stream, then a clean end. */
  strict({
    kind: z.literal('error-event'),
    ...condition,
    ...afterTokens,
    status: z.int().min(400).max(599).default(529),
    code: z.string().optional(),
    message: z.string().optional(),
  }),
  /** A clean end of the stream without its terminal event. */
  strict({ kind: z.literal('truncate'), ...condition, ...afterTokens }),
  /** TCP reset; with `afterTokens: 0` before the headers. */
  strict({ kind: z.literal('reset'), ...condition, ...afterTokens }),
  /** One frame (or the whole JSON body) that does not parse. */
  strict({ kind: z.literal('malformed-json'), ...condition, ...afterTokens }),
  /** Usage counts multiplied by `factor`. */
  strict({ kind: z.literal('wrong-usage'), ...condition, factor: z.number().min(0).default(2) }),
  /** A stream whose frames are unusual or broken in one of these ways; whole replies are not touched. */
  strict({ kind: z.literal('framing'), ...condition, how: oneOf(FRAMINGS) }),
  /** One event of a stream is missing. */
  strict({ kind: z.literal('skip-event'), ...condition, ...afterTokens }),
  /** Two events of a stream change places, and with them their sequence numbers. */
  strict({ kind: z.literal('reorder-events'), ...condition, ...afterTokens }),
  /** The arguments of tool calls break off in their middle; the reply ends as if they were whole. */
  strict({ kind: z.literal('cut-arguments'), ...condition }),
  /** The reply is fine; the connection it came on is reset when the next request arrives on it. */
  strict({ kind: z.literal('stale-connection'), ...condition }),
  /** A proxy's HTML error page with status 200. */
  strict({ kind: z.literal('html'), ...condition }),
]);

export type Fault = z.output<typeof faultSchema>;

export const faultListSchema = z.array(faultSchema);
