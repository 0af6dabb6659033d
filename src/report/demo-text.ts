import { DIMENSIONS } from '../capacity/limit.ts';
import { formatCount, formatDuration, formatShare, formatUsd, round } from '../core/units.ts';
import type { DemoPage } from './demo.ts';
import { showDifference, showFigure, showPrediction, showTolerance } from './demo-figures.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { heading, paint, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** The demo's findings as text: report.txt, and what the command prints. */
export function renderDemoText(page: DemoPage, style: TextStyle = { colour: false }): string {
  const { report } = page;
  const { held, missed, notMeasured, comparison } = report;
  const lines = [
    `${held} of ${comparison.length} predicted figures held${missed > 0 ? `, ${missed} missed` : ''}${notMeasured > 0 ? `, ${notMeasured} not measured` : ''}.`,
    heading('Predicted, then measured', style),
    table(
      comparison.map((row) => [
        row.name,
        showPrediction(row),
        showFigure(row.measured, row.unit),
        showDifference(row),
        showTolerance(row),
        verdictText(row.verdict, style),
      ]),
      {
        head: ['', 'forecast (90 % interval)', 'measured', 'off by', 'allowed beyond', ''],
        colour: style.colour,
      },
    ),
    heading('Workload, as recorded', style),
    table(workloadRows(page)),
    heading('Plan at the target rate', style),
    table(planRows(page), {
      head: [
        'scale',
        'requests/min, mean',
        'busiest minute',
        'of the limit',
        'API cost a month',
        'verdict',
      ],
      colour: style.colour,
    }),
    breakLine(page),
    '',
  ];
  return lines.join('\n');
}

function verdictText(verdict: string, style: TextStyle): string {
  return paint(
    verdict,
    verdict === 'held' ? 'green' : verdict === 'missed' ? 'red' : 'yellow',
    style,
  );
}

function workloadRows({ profile, report }: DemoPage): string[][] {
  const { recording } = report;
  const perTurn = profile.turns.llmCallsPerTurn;
  const { input, output } = profile.tokens;
  return [
    ['sessions, turns, LLM calls', `${recording.sessions}, ${recording.turns}, ${recording.calls}`],
    [
      'LLM calls per turn',
      perTurn === null ? '–' : `${round(perTurn.mean, 2)} (p95 ${round(perTurn.p95, 1)})`,
    ],
    [
      'input tokens per call',
      input === null ? '–' : `${formatCount(input.mean)} (p95 ${formatCount(input.p95)})`,
    ],
    [
      'output tokens per call',
      output === null ? '–' : `${formatCount(output.mean)} (p95 ${formatCount(output.p95)})`,
    ],
    [
      'read from the prompt cache',
      profile.cache.realisedHitRate === null ? '–' : formatShare(profile.cache.realisedHitRate),
    ],
    ['recorded in', formatDuration(recording.durationMs)],
  ];
}

function planRows({ plan }: DemoPage): string[][] {
  return plan.scales.map(({ scale, demand, limits, cost, verdict }) => {
    const worst = limits.toSorted((a, b) => (b.utilisation ?? 0) - (a.utilisation ?? 0))[0];
    const api = cost.monthly.api;
    return [
      `${scale}x`,
      formatCount(demand.rpm.mean),
      demand.rpm.peakMinute === null ? '–' : formatCount(demand.rpm.peakMinute.value),
      worst?.utilisation === null || worst === undefined
        ? '–'
        : `${formatShare(worst.utilisation)} ${DIMENSIONS[worst.dimension].label}`,
      api === null ? '–' : formatUsd(api),
      PLAN_VERDICTS[verdict].text,
    ];
  });
}

function breakLine({ plan: { breaksAt } }: DemoPage): string {
  return breaksAt === null
    ? '  No limit is known that the plan could break.'
    : `  Breaks at ${round(breaksAt.scale, 2)}x on ${DIMENSIONS[breaksAt.dimension].label} of ${breaksAt.provider} ${breaksAt.model}.`;
}
