import { azureLlmCsv } from './azure-llm-csv.ts';
import { claudeTranscript } from './claude-transcript.ts';
import { jaeger } from './jaeger.ts';
import { mooncake } from './mooncake.ts';
import { otlp } from './otlp.ts';
import { spanDump } from './span-dump.ts';
import type { TraceReader } from './trace-reader.ts';

/** Names of `--format`. */
export type TraceFormat =
  | 'azure-llm-csv'
  | 'mooncake'
  | 'otlp'
  | 'jaeger'
  | 'span-dump'
  | 'claude-transcript';

/** One reader per trace format; a format missing here does not compile. */
export const readers = {
  'azure-llm-csv': azureLlmCsv,
  mooncake,
  otlp,
  jaeger,
  'span-dump': spanDump,
  'claude-transcript': claudeTranscript,
} satisfies Record<TraceFormat, TraceReader> as Record<TraceFormat, TraceReader>;

export function isTraceFormat(name: string): name is TraceFormat {
  return Object.hasOwn(readers, name);
}
