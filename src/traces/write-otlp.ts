import type { LlmCall, Session, Step, Turn } from '../core/trace.ts';
import { cacheWriteTokens, inputTokens } from '../core/tokens.ts';
import { TraceWriter } from './write-trace.ts';

/** Kinds of spans (opentelemetry-proto Span.SpanKind) and the status code for errors. */
const INTERNAL = 1;
const CLIENT = 3;
const STATUS_ERROR = 2;

type AttributeValue = { stringValue: string } | { intValue: string } | { doubleValue: number };

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number | undefined;
  readonly attributes: Readonly<Record<string, AttributeValue | undefined>>;
  readonly isError: boolean;
}

interface Place {
  readonly trace: string;
  readonly id?: string;
  readonly parent?: string;
  readonly conversation?: string;
}

/**
 * OTLP/JSON lines (file exporter form), one session per line, attributes of the 2026 OTel GenAI
 * conventions: a turn is a trace of its own under an
 * invoke_agent span, joined to the others by gen_ai.conversation.id. Dependencies
 * between steps and single attempts have no place in the format.
 */
export class OtlpWriter extends TraceWriter {
  #spans = 0;
  #traces = 0;

  call(call: LlmCall): void {
    if (!this.isWritable(call)) return;
    this.#line([this.#span(llmSpan(call), { trace: this.#nextTrace() })]);
  }

  session(session: Session): void {
    const conversation = `session-${this.nextSession()}`;
    const spans = session.turns.flatMap((turn) => this.#turn(turn, conversation));
    if (spans.length > 0) this.#line(spans);
    if (session.relativeTime === true) this.leaveOut('clocks (their sessions all start in 1970)');
  }

  #turn(turn: Turn, conversation: string): object[] {
    const steps = turn.steps.filter((step) => !Number.isNaN(step.startMs));
    const untimed = turn.steps.length - steps.length;
    if (untimed > 0) this.leaveOut('steps without a time', untimed);
    if (steps.length === 0) return [];
    const id = this.#nextId();
    const trace = this.#nextTrace();
    return [
      this.#span(agentSpan(turn), { id, trace, conversation }),
      ...steps.map((step) => this.#span(stepSpan(step), { parent: id, trace, conversation })),
    ];
  }

  #nextTrace(): string {
    this.#traces += 1;
    return hex(this.#traces, 32);
  }

  #nextId(): string {
    this.#spans += 1;
    return hex(this.#spans, 16);
  }

  #span(span: Span, { id, trace, parent, conversation }: Place): object {
    const { name, kind, startMs, endMs, attributes, isError } = span;
    const all = {
      ...attributes,
      'gen_ai.conversation.id': conversation === undefined ? undefined : text(conversation),
    };
    return {
      traceId: trace,
      spanId: id ?? this.#nextId(),
      ...(parent === undefined ? {} : { parentSpanId: parent }),
      name,
      kind,
      startTimeUnixNano: nanoseconds(startMs),
      ...(endMs === undefined ? {} : { endTimeUnixNano: nanoseconds(endMs) }),
      attributes: Object.entries(all).flatMap(([key, value]) =>
        value === undefined ? [] : [{ key, value }],
      ),
      status: isError ? { code: STATUS_ERROR } : {},
    };
  }

  #line(spans: readonly object[]): void {
    const resource = { attributes: [{ key: 'service.name', value: text('agent-infra export') }] };
    const scopeSpans = [{ scope: { name: 'agent-infra' }, spans }];
    this.emit(`${JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] })}\n`);
  }
}

function agentSpan({ startMs, endMs, steps }: Turn): Span {
  let last = endMs;
  for (const step of steps) {
    if (endMs === undefined && step.endMs !== undefined) last = Math.max(last ?? 0, step.endMs);
  }
  return {
    name: 'invoke_agent',
    kind: INTERNAL,
    startMs,
    endMs: last,
    attributes: { 'gen_ai.operation.name': text('invoke_agent') },
    isError: false,
  };
}

function stepSpan(step: Step): Span {
  switch (step.kind) {
    case 'llm':
      return llmSpan(step);
    case 'tool':
      return {
        name: `execute_tool ${step.name}`,
        kind: INTERNAL,
        startMs: step.startMs,
        endMs:
          step.endMs ??
          (step.durationMs === undefined ? undefined : step.startMs + step.durationMs),
        attributes: {
          'gen_ai.operation.name': text('execute_tool'),
          'gen_ai.tool.name': text(step.name),
          'error.type': step.error === true ? text('tool_error') : undefined,
        },
        isError: step.error === true,
      };
    case 'state': {
      const operation = step.operation === 'read' ? 'search_memory' : 'update_memory';
      return {
        name: operation,
        kind: CLIENT,
        startMs: step.startMs,
        endMs: step.endMs,
        attributes: { 'gen_ai.operation.name': text(operation) },
        isError: false,
      };
    }
  }
}

function llmSpan(call: LlmCall): Span {
  const operation = call.operation === 'embedding' ? 'embeddings' : 'chat';
  const { tokens, tokensBasis, model, provider, ttftMs, error } = call;
  const isKnown = tokensBasis !== 'missing';
  const optional = (count: number): AttributeValue | undefined =>
    isKnown && count > 0 ? integer(count) : undefined;
  return {
    name: model === undefined ? operation : `${operation} ${model}`,
    kind: CLIENT,
    startMs: call.startMs,
    endMs: call.endMs,
    attributes: {
      'gen_ai.operation.name': text(operation),
      'gen_ai.provider.name': provider === undefined ? undefined : text(provider),
      'gen_ai.request.model': model === undefined ? undefined : text(model),
      'gen_ai.agent.name': call.agent === undefined ? undefined : text(call.agent),
      'gen_ai.usage.input_tokens': isKnown ? integer(inputTokens(tokens)) : undefined,
      'gen_ai.usage.output_tokens': isKnown ? integer(tokens.output) : undefined,
      'gen_ai.usage.cache_read.input_tokens': optional(tokens.cacheRead),
      'gen_ai.usage.cache_write.input_tokens': optional(cacheWriteTokens(tokens)),
      'gen_ai.usage.reasoning.output_tokens': optional(tokens.reasoning),
      'gen_ai.response.time_to_first_chunk':
        ttftMs === undefined ? undefined : { doubleValue: ttftMs / 1000 },
      'error.type': error === undefined ? undefined : text(errorType(error)),
    },
    isError: error !== undefined,
  };
}

/** A type or code passes; anything that reads like a message stays here, it may quote content. */
function errorType(error: string): string {
  return /^[\w.-]{1,64}$/.test(error) ? error : '_OTHER';
}

function text(stringValue: string): AttributeValue {
  return { stringValue };
}

/** Protobuf JSON writes 64-bit integers as text. */
function integer(value: number): AttributeValue {
  return { intValue: String(value) };
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}
