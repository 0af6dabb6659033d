import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { Stage } from '../capacity/stages.ts';
import { formatCount, formatUsd } from '../core/units.ts';
import { markdownCell as cell } from './markdown-table.ts';

/** The rollout: what starts each stage, what changes, what it then carries and costs. */
export function stagesMarkdown({ stages }: Plan, basis: string): string {
  if (stages.length === 0) return '';
  const blocks = stages.map((stage, index) => stageBlock(stage, index === 0));
  return ['## Stages', ...blocks, basis].join('\n\n');
}

function stageBlock(stage: Stage, isFirst: boolean): string {
  const { atScale, changes, fits, name, supports, usdPerMonth } = stage;
  const carries =
    supports === null
      ? 'capacity unknown'
      : `carries ${formatScale(supports.scale)} (${DIMENSIONS[supports.dimension].label})`;
  const cost = usdPerMonth === null ? 'cost unknown' : `${formatUsd(usdPerMonth)} a month`;
  return [
    `### ${cell(name)}, for ${formatScale(atScale)}: ${whenOf(stage, isFirst)}`,
    '',
    ...(changes.length === 0 ? ['nothing to change'] : changes).map((text) => `- ${cell(text)}`),
    '',
    `${carries}, ${cost}${fits ? '' : '; ❌ does not fit'}`,
  ].join('\n');
}

function whenOf({ startsWhen }: Stage, isFirst: boolean): string {
  if (startsWhen === null) return isFirst ? 'now' : 'no limit is known to trigger on';
  const { dimension, model, provider, threshold, why } = startsWhen;
  return `when ${DIMENSIONS[dimension].label} of ${cell(provider)} ${cell(model)} stays above ${formatCount(threshold)} (${cell(why)})`;
}
