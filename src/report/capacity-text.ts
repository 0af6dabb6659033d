import { formatCount, formatDuration, formatShare } from '../core/units.ts';
import type { CapacityReport } from '../loadtest/capacity.ts';
import { loadText } from '../loadtest/capacity-load.ts';
import { brokenText } from '../loadtest/capacity-trial.ts';
import type { CapacityTrial } from '../loadtest/capacity-trial.ts';
import { heading, notes, paint, plain, table, wrapSentences } from './text.ts';
import type { Paint, TextStyle } from './text.ts';

/** The result of a capacity search for people: the answer first, then every trial. Ends with a line feed. */
export function renderCapacityText(
  report: CapacityReport,
  style: TextStyle = { colour: false },
): string {
  const lines = [
    `${paint(plain(report.scenario), 'bold', style)}: ${capacityVerdict(report)}`,
    ...report.reasons.map((reason) => `  - ${plain(reason, 200)}`),
    ...intervalLine(report),
    ...gateLine(report, style),
    ...basisLines(report),
  ];
  if (report.trials.length > 0) {
    lines.push(heading('Trials', style), trialTable(report, style));
  }
  lines.push(...notes(report.notes, style));
  return `${wrapSentences(lines.join('\n'), style)}\n`;
}

/** `holds up to 12 sessions/s (about 840 calls/min); at 13.1 sessions/s the first threshold to break is …` */
export function capacityVerdict(report: CapacityReport): string {
  const { capacity, status, trials, unit } = report;
  const calls = capacity?.callsPerMinute ?? null;
  const about = calls === null ? '' : ` (about ${formatCount(calls)} calls/min)`;
  const held = capacity === null ? '' : `${loadText(capacity.load, unit)}${about}`;
  switch (status) {
    case 'found':
      return `holds up to ${held}; ${breakText(report)}`;
    case 'at-least':
      return `holds at least up to ${held}; the search was not allowed to go higher`;
    case 'none': {
      const lowest = Math.min(...trials.map(({ load }) => load));
      return `no load held, down to ${loadText(lowest, unit)}; ${breakText(report)}`;
    }
    case 'inconclusive':
      return capacity === null
        ? 'INCONCLUSIVE, no capacity was found'
        : `INCONCLUSIVE, holds at least up to ${held}`;
  }
}

function breakText({ breaks, unit }: CapacityReport): string {
  if (breaks === null) return 'nothing broke';
  const [first] = breaks.thresholds;
  const at = `at ${loadText(breaks.load, unit)}`;
  return first === undefined
    ? `${at} ${plain(breaks.reasons[0] ?? 'it broke', 160)}`
    : `${at} the first threshold to break is ${plain(brokenText(first), 120)}`;
}

function intervalLine({ capacity, interval, trials, unit }: CapacityReport): string[] {
  const { broken, held } = interval;
  if (held === null && broken === null) return [];
  const at = trials.filter(({ load }) => load === held);
  const isOnlyLean = at.length > 0 && at.every(({ outcome }) => outcome !== 'held');
  const how = isOnlyLean ? 'leaned to held' : 'held';
  const low = held === null ? 'nothing held' : `${loadText(held, unit)} ${how}`;
  const runs = capacity === null ? '' : ` in all ${capacity.runs} runs`;
  const high = broken === null ? 'nothing above it broke' : `${loadText(broken, unit)} broke`;
  return [`  interval: ${low}${runs}, ${high}`];
}

const GATE_PAINT = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const;

function gateLine({ gate, unit }: CapacityReport, style: TextStyle): string[] {
  if (gate === null) return [];
  const status = paint(gate.status.toUpperCase(), GATE_PAINT[gate.status], style);
  return [`  gate: at least ${loadText(gate.atLeast, unit)}: ${status}`];
}

function basisLines(report: CapacityReport): string[] {
  const { judgedBy, leftOut, search, target, trialMs, warmUpMs } = report;
  const { freshServers, resolution, settleMs } = search;
  const length = trialMs === null ? '' : `sessions start for ${formatDuration(trialMs)}, `;
  const warmUp = warmUpMs === 0 ? 'no warm-up' : `the first ${formatDuration(warmUpMs)} apart`;
  const between = freshServers ? 'fresh servers' : `${formatDuration(settleMs)} to settle`;
  const fine = search.whole ? '' : `; resolution ${formatShare(resolution)}`;
  return [
    `  target ${plain(target, 80)}; each trial: ${length}${warmUp}, ${between}, its own seed${fine}`,
    `  judged by ${judgedBy.map((name) => plain(name, 80)).join('; ')}`,
    ...(leftOut.length === 0
      ? []
      : [
          `  left out, as it asks for more load: ${leftOut.map((name) => plain(name, 80)).join('; ')}`,
        ]),
  ];
}

const OUTCOME_PAINT = {
  held: 'green',
  broken: 'red',
  open: 'yellow',
  saturated: 'yellow',
} as const satisfies Record<CapacityTrial['outcome'], Paint>;

const OUTCOME_TEXT = {
  held: 'held',
  broken: 'broke',
  open: 'open',
  saturated: 'generator saturated',
} as const satisfies Record<CapacityTrial['outcome'], string>;

function trialTable({ trials, unit }: CapacityReport, style: TextStyle): string {
  const latency = trials.find((trial) => trial.latency !== null)?.latency?.name ?? 'latency';
  const rows = trials.map((trial) => [
    String(trial.number),
    trial.step,
    loadText(trial.load, unit),
    achievedText(trial),
    trial.achieved.callsPerMinute === null ? '?' : formatCount(trial.achieved.callsPerMinute),
    trial.latency === null ? 'no data' : formatDuration(trial.latency.ms),
    shareText(trial.errorShare),
    shareText(trial.rateLimitedShare),
    trial.validity,
    resultText(trial, style),
  ]);
  return table(rows, {
    head: [
      '#',
      '',
      'offered',
      'started',
      'calls/min',
      plain(latency, 32),
      'errors',
      '429',
      'generator',
      'result',
    ],
    align: ['right', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'left', 'left'],
    colour: style.colour,
    columns: style.columns,
    labels: 3,
  });
}

function achievedText({ achieved: { sessionsPerSecond } }: CapacityTrial): string {
  return sessionsPerSecond === null ? '?' : loadText(sessionsPerSecond, 'sessions/s');
}

function resultText({ broken, leans, outcome, reasons }: CapacityTrial, style: TextStyle): string {
  const lean = leans === null ? '' : leans === 'held' ? ', leans to held' : ', leans to broke';
  const word = paint(`${OUTCOME_TEXT[outcome]}${lean}`, OUTCOME_PAINT[outcome], style);
  const why = broken.length > 0 ? broken.map(brokenText) : reasons;
  return outcome === 'held' ? word : `${word}: ${plain(why[0] ?? '', 100)}`;
}

function shareText(share: number | null): string {
  return share === null ? '?' : formatShare(share);
}

/** One line when a trial has ended: `trial 4: 14.1 sessions/s held, 842 calls/min, ttft p95 1.2 s, errors 0%`. */
export function renderTrialLine(
  trial: CapacityTrial,
  unit: CapacityReport['unit'],
  style: TextStyle = { colour: false },
): string {
  const { achieved, errorShare, latency, load, number } = trial;
  return [
    `trial ${number}: ${loadText(load, unit)} ${resultText(trial, style)}`,
    ...(achieved.callsPerMinute === null
      ? []
      : [`${formatCount(achieved.callsPerMinute)} calls/min`]),
    ...(latency === null ? [] : [`${plain(latency.name, 40)} ${formatDuration(latency.ms)}`]),
    `errors ${shareText(errorShare)}`,
  ].join(', ');
}
