import type { TraceFormat } from './readers.ts';

/**
 * How inputs of a format may be read by several threads.
 * - lines: records are independent (or suppressed by an id that is claimed), so that a file may be
 *   cut at line ends;
 * - files: a file's records belong together; files that share a session or message are found by
 *   their claims (split-claims.ts) and read together after all;
 * - together: any record may belong to any other (spans of one trace over several files,
 *   conversations found by content, token estimates corrected by what all calls report), so one
 *   thread reads all of them.
 */
export type SplitRule = 'lines' | 'files' | 'together';

const table = {
  atif: 'together',
  'azure-llm-csv': 'lines',
  'burstgpt-csv': 'lines',
  'claude-code-proxy': 'together',
  'claude-transcript': 'files',
  'codex-rollout': 'files',
  'gemini-cli': 'files',
  har: 'together',
  helicone: 'lines',
  jaeger: 'together',
  langfuse: 'together',
  'langfuse-csv': 'together',
  langsmith: 'together',
  'langsmith-csv': 'together',
  litellm: 'lines',
  'mini-swe-agent': 'together',
  mooncake: 'lines',
  opencode: 'together',
  openhands: 'together',
  otlp: 'together',
  'provider-usage': 'together',
  'qwen-bailian': 'together',
  recording: 'together',
  'span-dump': 'together',
  'swe-agent': 'together',
  'tau-bench': 'together',
  'tau2-bench': 'together',
  'tau2-bench-user': 'together',
  tracelab: 'files',
  weka: 'files',
} satisfies Record<TraceFormat, SplitRule>;

export const splitRules: Readonly<Record<TraceFormat, SplitRule>> = table;
