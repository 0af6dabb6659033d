import { z } from 'zod';

/** Rate-limit headers of calls, out of the traces that tools write anyway. No text is kept. */
export interface TracedHeaders {
  /** Empty when the trace does not say. */
  readonly model: string;
  readonly headers: Readonly<Record<string, number>>;
}

const har = z.object({
  log: z.object({
    entries: z.array(
      z.object({
        request: z.object({ postData: z.object({ text: z.string().optional() }).nullish() }),
        response: z.object({
          headers: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
        }),
      }),
    ),
  }),
});

/** Calls of an HTTP archive (HAR 1.2), as browsers and proxies export it. */
export function harHeaders(text: string): TracedHeaders[] {
  if (!text.includes('"entries"')) return [];
  const parsed = har.safeParse(json(text));
  if (!parsed.success) return [];
  return parsed.data.log.entries.map(({ request, response }) => ({
    model: modelOf(json(request.postData?.text ?? '')),
    headers: numbers((response.headers ?? []).map(({ name, value }) => [name, value])),
  }));
}

function modelOf(body: unknown): string {
  const { model } = (typeof body === 'object' && body !== null ? body : {}) as { model?: unknown };
  return typeof model === 'string' ? model : '';
}

const value = z.object({
  stringValue: z.string().optional(),
  intValue: z.union([z.string(), z.number()]).optional(),
  arrayValue: z
    .object({ values: z.array(z.object({ stringValue: z.string().optional() })).optional() })
    .optional(),
});
const span = z.object({
  spanId: z.string().optional(),
  parentSpanId: z.string().optional(),
  attributes: z.array(z.object({ key: z.string(), value })).optional(),
});
const otlp = z.object({
  resourceSpans: z.array(
    z.object({ scopeSpans: z.array(z.object({ spans: z.array(span).optional() })).optional() }),
  ),
});

/** Semantic conventions: `http.response.header.<name>`, and the model of the GenAI span. */
const HEADER_ATTRIBUTE = 'http.response.header.';
const MODEL_ATTRIBUTES = ['gen_ai.request.model', 'gen_ai.response.model'];

/**
 * Calls of OTLP/JSON, one document or one per line. The headers stand at the HTTP span, the model
 * at it or at a span above it.
 */
export function otlpHeaders(text: string): TracedHeaders[] {
  if (!text.includes('resourceSpans')) return [];
  const whole = json(text);
  const documents = (whole === undefined ? text.split('\n').map(json) : [whole]).flatMap((part) => {
    const parsed = otlp.safeParse(part);
    return parsed.success ? [parsed.data] : [];
  });
  const spans = documents
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ scopeSpans = [] }) => scopeSpans)
    .flatMap((scope) => scope.spans ?? []);
  const byId = new Map(spans.map((one) => [one.spanId, one]));
  return spans.flatMap((one): TracedHeaders[] => {
    const headers = numbers(
      (one.attributes ?? [])
        .filter(({ key }) => key.startsWith(HEADER_ATTRIBUTE))
        // Some exporters write the names as they must be in a metric: with underscores.
        .map(({ key, value: own }) => [
          key.slice(HEADER_ATTRIBUTE.length).replaceAll('_', '-'),
          textOf(own),
        ]),
    );
    return Object.keys(headers).length === 0 ? [] : [{ model: spanModel(one, byId), headers }];
  });
}

type Span = z.output<typeof span>;

/** Spans above a call that are looked at; deeper traces name the model nearer to it. */
const MOST_PARENTS = 8;

function spanModel(from: Span, byId: ReadonlyMap<string | undefined, Span>): string {
  let at: Span | undefined = from;
  for (let step = 0; at !== undefined && step < MOST_PARENTS; step += 1) {
    for (const name of MODEL_ATTRIBUTES) {
      const found = at.attributes?.find(({ key }) => key === name)?.value.stringValue;
      if (found !== undefined) return found;
    }
    at = at.parentSpanId === undefined ? undefined : byId.get(at.parentSpanId);
  }
  return '';
}

function textOf({ arrayValue, intValue, stringValue }: z.output<typeof value>): string {
  return stringValue ?? arrayValue?.values?.[0]?.stringValue ?? String(intValue ?? '');
}

/** Only the headers of rate limits, and only numbers. */
function numbers(headers: readonly (readonly [string, string])[]): Record<string, number> {
  return Object.fromEntries(
    headers
      .map(([name, text]) => [name.toLowerCase(), text] as const)
      .filter(([name, text]) => name.includes('ratelimit-') && /^\d+$/.test(text))
      .map(([name, text]) => [name, Number(text)]),
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
