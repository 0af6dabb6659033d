import { azureLlmCsv } from './azure-llm-csv.ts';
import { mooncake } from './mooncake.ts';
import { otlp } from './otlp.ts';
import type { TraceReader } from './trace-reader.ts';

/** Names of `--format`. */
export type TraceFormat = 'azure-llm-csv' | 'mooncake' | 'otlp';

/** One reader per trace format; a format missing here does not compile. */
export const readers = {
  'azure-llm-csv': azureLlmCsv,
  mooncake,
  otlp,
} satisfies Record<TraceFormat, TraceReader> as Record<TraceFormat, TraceReader>;

export function isTraceFormat(name: string): name is TraceFormat {
  return Object.hasOwn(readers, name);
}
