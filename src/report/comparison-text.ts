import { formatDuration, formatShare, round } from '../core/units.ts';
import type { ComparedFigure, Comparison, RegressionGate } from '../loadtest/compare.ts';
import { heading, notes, paint, plain, table, wrapSentences } from './text.ts';
import type { Paint, TextStyle } from './text.ts';

/** Two sides of load tests for people: the verdict first, then every figure. Ends with a line feed. */
export function renderComparisonText(
  comparison: Comparison,
  style: TextStyle = { colour: false },
): string {
  const { basis, figures, gates, notComparable } = comparison;
  const lines = [
    `${paint(sideText(comparison.baseline), 'bold', style)} against ${paint(sideText(comparison.candidate), 'bold', style)}: ${comparisonVerdict(comparison)}`,
    ...notComparable.map((reason) => `  - ${plain(reason, 200)}`),
    ...gates.map((gate) => gateLine(gate, style)),
  ];
  if (figures.length > 0) {
    lines.push(heading('Figures', style), figureTable(figures, style));
  }
  const how =
    basis === 'replicates'
      ? 'intervals: 95 %, from run to run (Welch)'
      : 'intervals: 95 %, from batch to batch of each run';
  lines.push(
    ...notes(
      [
        `${how}; verdicts are corrected for the number of figures; could show: the smallest change found four times in five`,
        ...comparison.notes.map((note) => plain(note, 200)),
      ],
      style,
    ),
  );
  return `${wrapSentences(lines.join('\n'), style)}\n`;
}

/** `worse: ttft p95`, `no difference shown`, `NOT COMPARABLE`. */
export function comparisonVerdict({ figures, notComparable }: Comparison): string {
  if (notComparable.length > 0) return 'NOT COMPARABLE';
  const named = (verdict: ComparedFigure['verdict']): string =>
    figures
      .filter((each) => each.verdict === verdict)
      .map(({ figure }) => figure)
      .join(', ');
  const parts = [
    ['worse', named('worse')],
    ['better', named('better')],
  ].filter(([, names]) => names !== '');
  return parts.length === 0
    ? 'no difference shown'
    : parts.map(([word, names]) => `${word}: ${names}`).join('; ');
}

function sideText({ facts, runs }: Comparison['baseline']): string {
  const [first = ''] = runs;
  const more = runs.length > 1 ? ` and ${runs.length - 1} more` : '';
  return `${plain(first, 60)}${more} (${plain(facts.scenario)})`;
}

const GATE_PAINT = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const;

function gateLine(
  { interval, limit, reason, status, worse }: RegressionGate,
  style: TextStyle,
): string {
  const word = paint(status.toUpperCase(), GATE_PAINT[status], style);
  const by =
    worse === null || interval === null
      ? ''
      : ` worse by ${changeText(worse)} (${changeText(interval[0])} to ${changeText(interval[1])}),`;
  return `  at most ${plain(limit, 60)}: ${word},${by} ${reason}`;
}

const VERDICT_PAINT: Readonly<Record<ComparedFigure['verdict'], Paint | undefined>> = {
  better: 'green',
  worse: 'red',
  'no difference shown': undefined,
  'not comparable': 'yellow',
  'no data': undefined,
};

function figureTable(figures: readonly ComparedFigure[], style: TextStyle): string {
  const rows = figures.map((each) => {
    const { detectable, verdict } = each;
    const colour = VERDICT_PAINT[verdict];
    return [
      each.figure,
      valueText(each.baseline, each.unit),
      valueText(each.candidate, each.unit),
      pointsOr(each, each.change),
      intervalText(each),
      detectable === null ? '' : `±${pointsOr(each, detectable).replace('+', '')}`,
      colour === undefined ? verdict : paint(verdict, colour, style),
    ];
  });
  return table(rows, {
    head: ['', 'baseline', 'candidate', 'change', '95 % interval', 'could show', ''],
    align: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    colour: style.colour,
    columns: style.columns,
  });
}

function intervalText(each: ComparedFigure): string {
  const { interval } = each;
  if (interval === null) return '';
  const [low, high] = interval;
  if (low === null && high === null) return 'too few values';
  return `${pointsOr(each, low)} to ${pointsOr(each, high)}`;
}

/** Shares differ by points, times and rates by a share of the baseline. */
function pointsOr({ unit }: ComparedFigure, value: number | null): string {
  if (value === null) return '?';
  return unit === 'share' ? `${changeText(value).replace('%', '')} points` : changeText(value);
}

function changeText(value: number | null): string {
  if (value === null) return '?';
  return `${value >= 0 ? '+' : '−'}${formatShare(Math.abs(value))}`;
}

function valueText(value: number | null, unit: ComparedFigure['unit']): string {
  if (value === null) return 'no data';
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'share':
      return formatShare(value);
    case 'perSecond':
      return `${round(value, 2)}/s`;
  }
}
