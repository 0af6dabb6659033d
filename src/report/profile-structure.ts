import { formatCount, formatCounted, formatDuration, formatShare, round } from '../core/units.ts';
import type { StructureProfile } from '../workload/structure.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { bar, barTable, heading } from './text.ts';
import type { TextStyle } from './text.ts';

const BAR_WIDTH = 24;
/** Less overlap than this is rounding of the timestamps. */
const PARALLEL = 1.05;

const PARTS = [
  ['queueMs', "LLM, in the model's queue"],
  ['ttftMs', 'LLM, to the first token'],
  ['decodeMs', 'LLM, generating'],
  ['llmMs', 'LLM (first token unknown)'],
  ['toolMs', 'tools'],
  ['approvalMs', 'waits for approval'],
  ['stateMs', 'state operations'],
  ['retryMs', 'retries and back-off'],
  ['gapMs', 'nothing seen (agent code, queues, approvals)'],
] as const;

/** Where the time of turns goes, along the critical path. */
export function timeSection({ structure }: WorkloadProfile, style: TextStyle): string {
  if (structure == null) return '';
  const { time } = structure;
  let total = 0;
  for (const [key] of PARTS) total += time[key];
  if (total === 0) return '';
  const rows = (width: number): string[][] =>
    PARTS.filter(([key]) => time[key] > 0).map(([key, name]) => [
      name,
      bar(time[key], total, width),
      formatShare(time[key] / total),
      formatDuration(time[key]),
    ]);
  const human =
    time.humanMs > 0
      ? [`  between turns the user took ${formatDuration(time.humanMs)} in all`]
      : [];
  return [
    heading('Time of turns on the critical path', style),
    barTable(rows, BAR_WIDTH, { align: ['left', 'left', 'right', 'right'] }, style),
    ...human,
  ].join('\n');
}

/** What is notable about the sessions' shape. */
export function structureSection({ structure }: WorkloadProfile, style: TextStyle): string {
  if (structure == null) return '';
  const lines = [
    ...contextLines(structure),
    ...repeatLines(structure),
    ...retryLines(structure),
    ...fanOutLines(structure),
    ...agentLines(structure),
  ];
  return lines.length === 0
    ? ''
    : [heading('Structure', style), ...lines.map((line) => `  ${line}`)].join('\n');
}

function contextLines(structure: StructureProfile): string[] {
  const { contextGrowth, contextSteps, contextShrinks, compactions, resendFactor } = structure;
  const lines: string[] = [];
  if (contextGrowth !== null) {
    lines.push(
      `context grows by ${formatCount(contextGrowth.p50)} tokens per call (p50; p90 ${formatCount(contextGrowth.p90)}); it shrank ${formatCounted(contextShrinks, 'time')} in ${formatCounted(contextSteps, 'step')}, ${formatCount(compactions)} of them compactions`,
    );
  }
  if (resendFactor !== null && resendFactor.max > 1) {
    lines.push(
      `a session sends its final prompt ${round(resendFactor.p50, 1)} times over (p50; p90 ${round(resendFactor.p90, 1)}, max ${round(resendFactor.max, 1)})`,
    );
  }
  return lines;
}

function repeatLines({ repeatedToolCalls }: StructureProfile): string[] {
  if (repeatedToolCalls === null) return [];
  const { hashed, repeated, longestLoop } = repeatedToolCalls;
  const loop = longestLoop > 1 ? `; longest loop ${longestLoop} equal calls in a row` : '';
  return [
    `${formatCount(repeated)} of ${formatCount(hashed)} tool calls (${formatShare(repeated / hashed)}) repeat an earlier one of the session${loop}`,
  ];
}

function retryLines({ retries, retryWaits }: StructureProfile): string[] {
  const { callsWithRetry, extraAttempts, immediate, rateLimited } = retries;
  const { waitMs, failedThenCalled, immediately } = retryWaits ?? {};
  const waits =
    waitMs == null
      ? []
      : [
          `wait before the next try ${formatDuration(waitMs.p50)} (p50; p95 ${formatDuration(waitMs.p95)})`,
        ];
  const after =
    failedThenCalled === undefined || failedThenCalled === 0
      ? []
      : [
          `after a failed call the agent called again ${formatCounted(failedThenCalled, 'time')}, ${formatCount(immediately!)} of them within a second`,
        ];
  if (extraAttempts + rateLimited === 0) return [...after, ...waits];
  return [
    ...after,
    ...waits,
    `retried: ${formatCounted(callsWithRetry, 'call')} (${formatCounted(extraAttempts, 'extra attempt')}, ${formatCount(immediate)} within a second); answered with 429: ${formatCounted(rateLimited, 'time')}`,
  ];
}

function fanOutLines({ fanOut }: StructureProfile): string[] {
  const lines: string[] = [];
  const { toolsPerAnswer, spawnWidth, joinWidth, joinSpike } = fanOut ?? {};
  if (toolsPerAnswer != null && toolsPerAnswer.max > 1) {
    lines.push(
      `an answer with tools asks for ${round(toolsPerAnswer.mean, 2)} on average, ${formatCount(toolsPerAnswer.max)} at most`,
    );
  }
  if (spawnWidth != null) {
    lines.push(
      `fan-out: ${formatCounted(spawnWidth.n, 'time')} a call was followed by several at once, ${formatCount(spawnWidth.p50)} wide (p50; max ${formatCount(spawnWidth.max)})`,
    );
  }
  if (joinWidth != null) {
    const spike =
      joinSpike == null
        ? ''
        : `; the input grows by ${formatCount(joinSpike.p50)} tokens (p50; p95 ${formatCount(joinSpike.p95)})`;
    lines.push(
      `join: ${formatCounted(joinWidth.n, 'call')} waiting for ${formatCount(joinWidth.p50)} results (p50; max ${formatCount(joinWidth.max)})${spike}`,
    );
  }
  return lines;
}

function agentLines({ subAgents, parallelism }: StructureProfile): string[] {
  const lines: string[] = [];
  if (subAgents.count > 0 && subAgents.calls !== null) {
    lines.push(
      `${formatCounted(subAgents.count, 'sub-agent')}, ${formatCounted(subAgents.calls.p50, 'call')} each (p50; max ${formatCount(subAgents.calls.max)})`,
    );
  }
  if (parallelism !== null && parallelism >= PARALLEL) {
    lines.push(`work of ${round(parallelism, 2)} times the turns' time: steps run in parallel`);
  }
  return lines;
}
