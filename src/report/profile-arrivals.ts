import { formatCount, formatCounted, formatDuration, round } from '../core/units.ts';
import type { ArrivalModelFit } from '../workload/arrival-fit.ts';
import type {
  ArrivalPattern,
  ArrivalProfile,
  PeakRate,
  WorkloadProfile,
} from '../workload/workload-profile.ts';
import { downsampleMax, heading, paint, sparkline, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** Characters of the chart over time. */
const CHART_WIDTH = 60;
const LEAST_CHART_WIDTH = 20;

/** When calls come: rates, peaks, burstiness, concurrency. */
export function arrivalsSection(profile: WorkloadProfile, style: TextStyle): string {
  const { arrivals } = profile;
  if (profile.calls.count === 0) return '';
  if (arrivals === null) {
    return `${heading('Arrivals', style)}\n  unknown: the trace has no common clock`;
  }
  return [
    heading('Arrivals', style),
    ...chart(arrivals, style),
    table(
      [
        peakRow('LLM calls', arrivals.rpm),
        peakRow('tokens, all', arrivals.tpm.allIn),
        peakRow('tokens, input not cached', arrivals.tpm.uncached),
        peakRow('tokens, output', arrivals.tpm.output),
      ],
      {
        head: ['per minute', 'mean', 'peak minute', 'peak 60 s sliding', 'peak/mean'],
        colour: style.colour,
        columns: style.columns,
      },
    ),
    ...shortPeakLine(arrivals),
    ...burstLines(arrivals),
    ...dayLine(arrivals, style),
    ...concurrencyLine(profile),
  ].join('\n');
}

function chart({ timeline }: ArrivalProfile, style: TextStyle): string[] {
  if (timeline === undefined || timeline.calls.length < 3) return [];
  // The last bucket is cut off by the end of the trace; with many buckets it would only mislead.
  const calls = timeline.calls.slice(0, -1);
  const peak = Math.max(...calls);
  const bucket = formatDuration(timeline.bucketSeconds * 1000).replace(/ 0 (?:s|min)$/, '');
  const legend = `calls per ${bucket}, top ${formatCount(peak)}`;
  const room = (style.columns ?? Number.POSITIVE_INFINITY) - legend.length - 4;
  const width = Math.max(LEAST_CHART_WIDTH, Math.min(CHART_WIDTH, room));
  return [
    `  ${paint(sparkline(downsampleMax(calls, width)), 'cyan', style)}  ${paint(legend, 'dim', style)}`,
  ];
}

/** From here on the mean is one of idle time, and its ratio says nothing more. */
const MOST_TIMES = 1000;

function peakRow(name: string, peak: PeakRate): string[] {
  const times = peak.mean === 0 ? null : peak.peakSliding / peak.mean;
  // Below 1: a trace of less than a minute, whose mean is scaled up.
  const ratio =
    times === null || times < 1
      ? ''
      : times > MOST_TIMES
        ? `>${MOST_TIMES}x`
        : `${round(times, 1)}x`;
  return [
    name,
    // A trace of months with a few calls has a rate, and it is not 0.
    peak.mean > 0 && peak.mean < 0.005 ? '<0.01' : formatCount(peak.mean),
    formatCount(peak.peakTumbling),
    formatCount(peak.peakSliding),
    ratio,
  ];
}

/** What a limit enforced by the second would see. */
function shortPeakLine({ peaks }: ArrivalProfile): string[] {
  const parts = (
    [
      ['1 s', peaks?.s1],
      ['10 s', peaks?.s10],
    ] as const
  ).flatMap(([length, peak]) =>
    peak == null
      ? []
      : [
          `${formatCounted(peak.calls.sliding, 'call')} and ${formatCount(peak.allIn.sliding)} tokens in ${length}`,
        ],
  );
  return parts.length === 0 ? [] : [`  at most ${parts.join('; ')}`];
}

function burstLines(arrivals: ArrivalProfile): string[] {
  const { iatCv, idc, model, pattern, iatMs } = arrivals;
  const dispersion = (
    [
      ['1 s', idc.s1],
      ['10 s', idc.s10],
      ['60 s', idc.s60],
    ] as const
  ).map(([window, value]) => `${window} ${value === null ? 'unknown' : round(value, 2)}`);
  const lines = [
    `  burstiness: CV of the gaps ${iatCv === null ? 'unknown' : round(iatCv, 2)}; variance over mean of counts ${dispersion.join(', ')} (1 = random)`,
  ];
  if (iatMs != null) lines.push(`  longest gap ${formatDuration(iatMs.max)}`);
  if (model != null) {
    const best = `${model.family}, shape ${round(model.shape, 3)}`;
    lines.push(
      `  model of the gaps: ${best}; ${model.fit} fit (KS distance ${round(model.ks, 3)})${thinned(model)}`,
    );
  }
  if (pattern != null) lines.push(patternLine(pattern));
  return lines;
}

/** Said where not every value was looked at; empty otherwise. */
export function thinned({ values, fitted }: ArrivalModelFit): string {
  if (values === undefined || fitted === undefined || fitted === values) return '';
  return `, fitted to 1 in ${Math.round(values / fitted)} of ${formatCount(values)}`;
}

function patternLine({ kind, basis, periodMs, burstSize }: ArrivalPattern): string {
  const beat = periodMs === null ? '' : `, a beat of ${formatDuration(periodMs)}`;
  const sizes =
    kind === 'batch'
      ? `, ${round(burstSize.mean, 1)} at once on average, ${formatCount(burstSize.max)} at most`
      : '';
  return `  pattern of ${basis}: ${kind}${beat}${sizes}`;
}

/** Load by hour of the day, when the trace is long enough to show it. */
function dayLine({ day }: ArrivalProfile, style: TextStyle): string[] {
  if (day == null) return [];
  const hours = paint(sparkline(day.callsPerHour), 'cyan', style);
  return [
    `  by hour of the day (0 to 23 UTC) ${hours}  busiest ${day.peakHourUtc}:00, ${round(day.peakToMean, 1)}x the mean`,
  ];
}

function concurrencyLine({ concurrency }: WorkloadProfile): string[] {
  const part = (what: string, value: { mean: number; peak: number } | null): string | undefined =>
    value === null
      ? undefined
      : `${what} ${formatCount(value.mean)} on average, ${formatCount(value.peak)} at most`;
  const parts = [part('LLM calls', concurrency.calls), part('sessions', concurrency.sessions)];
  const known = parts.filter((text) => text !== undefined);
  return known.length === 0 ? [] : [`  at the same time: ${known.join('; ')}`];
}
