import { atif } from './atif.ts';
import { azureLlmCsv } from './azure-llm-csv.ts';
import { burstgptCsv } from './burstgpt-csv.ts';
import { claudeCodeProxy } from './claude-code-proxy.ts';
import { claudeTranscript } from './claude-transcript.ts';
import { codexRollout } from './codex-rollout.ts';
import { geminiCli } from './gemini-cli.ts';
import { har } from './har.ts';
import { helicone } from './helicone.ts';
import { jaeger } from './jaeger.ts';
import { langfuse, langfuseCsv } from './langfuse.ts';
import { langsmith, langsmithCsv } from './langsmith.ts';
import { litellm } from './litellm.ts';
import { miniSweAgent } from './mini-swe-agent.ts';
import { mooncake } from './mooncake.ts';
import { opencode } from './opencode.ts';
import { openhands } from './openhands.ts';
import { otlp } from './otlp.ts';
import { providerUsage } from './provider-usage.ts';
import { qwenBailian } from './qwen-bailian.ts';
import { recording } from './recording.ts';
import { spanDump } from './span-dump.ts';
import { sweAgent } from './swe-agent.ts';
import { tauBench } from './tau-bench.ts';
import { tau2Bench, tau2BenchUser } from './tau2-bench.ts';
import type { TraceReader } from './trace-reader.ts';
import { tracelab } from './tracelab.ts';
import { weka } from './weka.ts';

/** Names of `--format`. */
export type TraceFormat =
  | 'atif'
  | 'azure-llm-csv'
  | 'burstgpt-csv'
  | 'claude-code-proxy'
  | 'claude-transcript'
  | 'codex-rollout'
  | 'gemini-cli'
  | 'har'
  | 'helicone'
  | 'jaeger'
  | 'langfuse'
  | 'langfuse-csv'
  | 'langsmith'
  | 'langsmith-csv'
  | 'litellm'
  | 'mini-swe-agent'
  | 'mooncake'
  | 'opencode'
  | 'openhands'
  | 'otlp'
  | 'provider-usage'
  | 'qwen-bailian'
  | 'recording'
  | 'span-dump'
  | 'swe-agent'
  | 'tau-bench'
  | 'tau2-bench'
  | 'tau2-bench-user'
  | 'tracelab'
  | 'weka';

const table = {
  atif,
  'azure-llm-csv': azureLlmCsv,
  'burstgpt-csv': burstgptCsv,
  'claude-code-proxy': claudeCodeProxy,
  'claude-transcript': claudeTranscript,
  'codex-rollout': codexRollout,
  'gemini-cli': geminiCli,
  har,
  helicone,
  jaeger,
  langfuse,
  'langfuse-csv': langfuseCsv,
  langsmith,
  'langsmith-csv': langsmithCsv,
  litellm,
  'mini-swe-agent': miniSweAgent,
  mooncake,
  opencode,
  openhands,
  otlp,
  'provider-usage': providerUsage,
  'qwen-bailian': qwenBailian,
  recording,
  'span-dump': spanDump,
  'swe-agent': sweAgent,
  'tau-bench': tauBench,
  'tau2-bench': tau2Bench,
  'tau2-bench-user': tau2BenchUser,
  tracelab,
  weka,
} satisfies Record<TraceFormat, TraceReader>;

/** One reader per trace format; a format missing from the table does not compile. */
export const readers: Readonly<Record<TraceFormat, TraceReader>> = table;

export function isTraceFormat(name: string): name is TraceFormat {
  return Object.hasOwn(readers, name);
}
