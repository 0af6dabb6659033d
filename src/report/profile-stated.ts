import { formatCount, formatUsd } from '../core/units.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';

/** What the source states itself: costs it recorded, sizes in front of every prompt. */
export function statedLines({ stated, calls }: WorkloadProfile): string[] {
  const lines: string[] = [];
  const { costUsd, toolTokens, systemTokens, subAgentTokens } = stated ?? {};
  if (costUsd != null) {
    const some =
      costUsd.n < calls.count
        ? `${formatCount(costUsd.n)} of ${formatCount(calls.count)} calls`
        : 'all calls';
    lines.push(
      `  cost as the source recorded it, ${some}: ${formatUsd(costUsd.sum)}; per call p50 ${formatUsd(costUsd.p50)}, p95 ${formatUsd(costUsd.p95)}`,
    );
  }
  const parts = (
    [
      ['tool definitions', toolTokens],
      ['system prompt', systemTokens],
      ['a sub-agent in all', subAgentTokens],
    ] as const
  ).flatMap(([name, summary]) =>
    summary == null
      ? []
      : [`${name} ${formatCount(summary.p50)} (p95 ${formatCount(summary.p95)})`],
  );
  if (parts.length > 0) lines.push(`  tokens as the source states them, p50: ${parts.join(', ')}`);
  return lines;
}
