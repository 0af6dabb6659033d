import { formatCount, formatDuration, formatShare, round } from '../core/units.ts';
import type { ClientProfile } from '../workload/clients.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { bar, barTable, heading, table } from './text.ts';
import type { TextStyle } from './text.ts';

const BAR_WIDTH = 16;
/** Clients shown; the rest is in the line above the table. */
const MOST_SHOWN = 8;

/** Load by client, when the trace names more than one. */
export function clientSection({ clients }: WorkloadProfile, style: TextStyle): string {
  if (clients == null || clients.count < 2) return '';
  const most = clients.top[0]!.calls;
  const rows = (width: number): string[][] =>
    clients.top
      .slice(0, MOST_SHOWN)
      .map((client, index) => [
        `client ${index + 1}`,
        bar(client.calls, most, width),
        formatShare(client.share),
        formatCount(client.calls),
        formatCount(client.inputMean),
        formatCount(client.outputMean),
        client.iatCv === null ? '?' : String(round(client.iatCv, 2)),
        patternOf(client),
      ]);
  const head = ['', '', 'share', 'calls', 'input mean', 'output mean', 'CV of gaps', 'set off by'];
  const align = ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'left'] as const;
  return [
    heading('Clients (users or keys, without names)', style),
    `  ${formatCount(clients.count)} clients; ${clients.clientsOf90 === 1 ? 'one makes' : `${formatCount(clients.clientsOf90)} make`} 90 % of the calls, the busiest ${formatShare(clients.topShares[0])}`,
    barTable(rows, BAR_WIDTH, { head, align }, style),
  ].join('\n');
}

const PATTERNS = {
  periodic: 'a clock',
  batch: 'batches',
  'event-driven': 'single events',
} as const;

function patternOf({ pattern, periodMs, burstMean }: ClientProfile['top'][number]): string {
  if (pattern === null) return '?';
  const beat = periodMs === null ? '' : ` every ${formatDuration(periodMs)}`;
  const size = pattern === 'batch' && burstMean !== null ? ` of ${round(burstMean, 1)}` : '';
  return `${PATTERNS[pattern]}${size}${beat}`;
}

/** Prompts and messages that came before. */
export function repeatSection({ repeats }: WorkloadProfile, style: TextStyle): string {
  if (repeats == null) return '';
  const { prompts, asks } = repeats;
  const lines: string[] = [];
  const share = (part: number, whole: number): string =>
    `${formatCount(part)} of ${formatCount(whole)} (${formatShare(part / whole)})`;
  if (prompts !== null) {
    lines.push(`${share(prompts.repeated, prompts.calls)} prompts repeat an earlier one exactly`);
  }
  if (asks !== null) {
    lines.push(
      `of ${formatCount(asks.count)} user messages ${formatShare(asks.exact / asks.count)} repeat the words of an earlier one; ${formatShare(asks.near80 / asks.count)} share 80 % of their word trigrams with one, ${formatShare(asks.near50 / asks.count)} share half`,
    );
    if (asks.near80 > 0) {
      lines.push(
        `of the ${formatCount(asks.near80)} nearly equal ones ${formatCount(asks.sameState)} stand after the same messages, ${formatCount(asks.otherState)} after others: there another answer may be right; ${formatCount(asks.unknownState)} unknown`,
      );
    }
  }
  return [
    heading('Repeats (what a cache of answers could find)', style),
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
}

/** What the provider's own usage export says. */
export function usageSection({ usage }: WorkloadProfile, style: TextStyle): string {
  if (usage == null) return '';
  const { windows, windowSeconds, requests, rpm, tpm, held } = usage;
  const row = (name: string, rate: { readonly mean: number; readonly peak: number }): string[] => [
    name,
    formatCount(rate.mean),
    formatCount(rate.peak),
  ];
  const rows = [
    ...(rpm === null ? [] : [row('requests', rpm)]),
    row('tokens, all', tpm.allIn),
    row('tokens, input not read from the cache', tpm.uncached),
    row('tokens, output', tpm.output),
  ];
  const length = formatDuration(windowSeconds * 1000);
  const counts = [
    requests === null ? 'requests not counted' : `${formatCount(requests)} requests`,
    `${formatCount(usage.input)} input tokens (${formatCount(usage.cacheRead)} read from the cache)`,
    `${formatCount(usage.output)} output tokens`,
  ];
  const compared =
    held === null || held.input === null
      ? []
      : [
          `  the traces hold ${formatShare(held.input)} of its input and ${held.output === null ? 'an unknown part' : formatShare(held.output)} of its output tokens`,
        ];
  return [
    heading('Usage export of the provider', style),
    `  ${formatCount(windows)} windows of ${length} from ${usage.start}: ${counts.join(', ')}`,
    table(rows, {
      head: ['per minute', 'mean', 'peak window'],
      colour: style.colour,
      columns: style.columns,
    }),
    ...compared,
  ].join('\n');
}
