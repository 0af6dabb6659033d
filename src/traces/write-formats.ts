import { DagWriter } from './write-dag.ts';
import { MooncakeWriter } from './write-mooncake.ts';
import { OtlpWriter } from './write-otlp.ts';
import type { TraceWriter, WriterOutput } from './write-trace.ts';
import { WekaWriter } from './write-weka.ts';

export type ExportFormat = 'mooncake' | 'weka' | 'dag_jsonl' | 'otlp';

/** How to write a format, and whether it is one stream of lines or a folder of files. */
export interface ExportWriter {
  readonly target: 'stream' | 'folder';
  readonly open: (output: WriterOutput) => TraceWriter;
}

/** One writer per export format; a format missing here does not compile. */
export const writers: Readonly<Record<ExportFormat, ExportWriter>> = {
  mooncake: { target: 'stream', open: (output) => new MooncakeWriter(output) },
  weka: { target: 'folder', open: (output) => new WekaWriter(output) },
  dag_jsonl: { target: 'stream', open: (output) => new DagWriter(output) },
  otlp: { target: 'stream', open: (output) => new OtlpWriter(output) },
};
