import type { TokenRecord } from '../core/tokens.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import type { SpanRecord, SpanRole } from './span-record.ts';
import { spanCsvReader } from './span-csv.ts';
import { spanListReader, type SpanList } from './span-list.ts';
import { timeMs } from './timestamp.ts';
import type { CsvReader, JsonReader } from './trace-reader.ts';
import { cacheWrites, inclusiveUsage } from './usage.ts';

/**
 * LangSmith runs. Token fields are rolled up on parents: only `run_type` llm (and embedding)
 * counts. Input includes cached tokens. `session_id` is the project; the session is
 * extra.metadata.thread_id, session_id or conversation_id. Times without zone are UTC.
 */
const list: SpanList = {
  title: 'LangSmith runs',
  what: 'with run_type and start_time',
  recordsIn: runsIn,
  isRecord: isRun,
  skip: 'record is not a run with a start time',
  add: (run, { forest, place }) => forest.add(spanOf(run), place),
};

export const langsmith: JsonReader = spanListReader(list);

/** The same runs as CSV. */
export const langsmithCsv: CsvReader = spanCsvReader(list, [['run_type'], ['start_time'], ['id']]);

function spanOf(run: JsonObject): SpanRecord {
  const startMs = timeMs(run['start_time'])!;
  const endMs = timeMs(run['end_time']);
  const firstMs = timeMs(run['first_token_time']);
  const metadata = objectOf(objectOf(run['extra'])['metadata']);
  const name = textOf(run['name']) ?? '';
  const role = ROLES[run['run_type'] as string] ?? 'group';
  const tokens = usageOf(run);
  const costUsd = recordedCost(run['total_cost']);
  const id = textOf(run['id']) ?? '';
  return {
    traceId: textOf(run['trace_id']) ?? id,
    spanId: id,
    parentId: textOf(run['parent_run_id']),
    name,
    role,
    startMs,
    endMs: endMs === undefined || endMs < startMs ? undefined : endMs,
    session:
      textOf(metadata['thread_id']) ??
      textOf(metadata['session_id']) ??
      textOf(metadata['conversation_id']),
    user: textOf(metadata['user_id']),
    error: run['status'] === 'error' || textOf(run['error']) !== undefined ? 'error' : undefined,
    tool: role === 'tool' ? name : undefined,
    llm:
      role === 'group' && tokens === undefined
        ? undefined
        : {
            model: textOf(metadata['ls_model_name']),
            provider: textOf(metadata['ls_provider']),
            tokens,
            details: costUsd === undefined ? undefined : { costUsd },
            ttftMs: firstMs === undefined || firstMs < startMs ? undefined : firstMs - startMs,
            streamed: firstMs === undefined ? undefined : true,
            aggregateOnly: role === 'group' || undefined,
          },
  };
}

function usageOf(run: JsonObject): TokenRecord | undefined {
  const metadata = usageMetadata(run['outputs']);
  const inputDetails = objectOf(run['prompt_token_details'] ?? metadata['input_token_details']);
  const outputDetails = objectOf(
    run['completion_token_details'] ?? metadata['output_token_details'],
  );
  const input = amountOf(run['prompt_tokens'] ?? metadata['input_tokens']);
  const output = amountOf(run['completion_tokens'] ?? metadata['output_tokens']);
  if ((input ?? 0) + (output ?? 0) === 0) return undefined;
  return inclusiveUsage({
    input,
    cacheRead: amountOf(inputDetails['cache_read']),
    ...cacheWrites(amountOf(inputDetails['cache_creation']), {
      fiveMinutes: amountOf(inputDetails['ephemeral_5m_input_tokens']),
      oneHour: amountOf(inputDetails['ephemeral_1h_input_tokens']),
    }),
    output,
    reasoning: amountOf(outputDetails['reasoning']),
  });
}

/** `usage_metadata` where LangChain's versions put it. */
function usageMetadata(outputs: unknown): JsonObject {
  const { usage_metadata: direct, message, messages, generations } = objectOf(outputs);
  const first = listOf(listOf(generations)[0])[0] ?? listOf(generations)[0];
  const candidates = [
    direct,
    objectOf(message)['usage_metadata'],
    objectOf(listOf(messages).at(-1))['usage_metadata'],
    objectOf(objectOf(objectOf(first)['message'])['kwargs'])['usage_metadata'],
  ];
  return objectOf(candidates.find(isObject));
}

function runsIn(record: JsonObject): readonly unknown[] {
  return Array.isArray(record['runs']) ? listOf(record['runs']) : [record];
}

function isRun(run: unknown): run is JsonObject {
  return (
    isObject(run) &&
    textOf(run['run_type']) !== undefined &&
    timeMs(run['start_time']) !== undefined
  );
}

const ROLES: Readonly<Record<string, SpanRole>> = {
  llm: 'llm',
  embedding: 'embedding',
  tool: 'tool',
  retriever: 'read',
};
