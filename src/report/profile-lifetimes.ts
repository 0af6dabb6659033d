import { formatCount, formatShare, round } from '../core/units.ts';
import type { CacheLifetimes, LifetimeChoice } from '../workload/lifetime-fold.ts';
import { ENOUGH_CALLS } from '../workload/precision.ts';
import { notes, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** Five minutes or an hour, agent by agent, with what the data say of it. */
export function lifetimeLines(
  lifetimes: CacheLifetimes,
  sessions: number | null,
  style: TextStyle,
): string[] {
  const { agents, agentCount, all, basis, breakEven } = lifetimes;
  const choices = agents.filter(({ cheaper }) => cheaper !== null);
  // A choice made of a handful of calls is none; the profile holds it all the same.
  if (choices.length === 0 || all.calls < ENOUGH_CALLS) return [];
  const unnamed = sessions === null ? 'unnamed' : 'main agent';
  const rows = choices.map((choice) => row(labelOf(choice, unnamed), choice));
  if (agentCount > agents.length) rows.push([`${agentCount - agents.length} more`]);
  if (rows.length > 1) rows.push(row('all', all));
  const shown = rows.length > 1 ? [...choices, all] : choices;
  const sentences = [
    `rewritten: what pauses of 5 to 60 min make 5 min write again, per token written anyway; from ${round(breakEven, 2)} on, 1 h costs less (writes cost 1.25 or 2 times the input price, reads 0.1). 5 min: the bill of the input, 100% being no cache. Seen in ${BASES[basis]}.`,
    ...ownSentence(lifetimes),
    ...(shown.some(({ bill }) => bill !== null && bill.m5 > 1)
      ? ['Above 100%, writing costs more than reading saves: do not cache these.']
      : []),
    ...(shown.some(isUnsure)
      ? ['?: fewer than 10 sessions, or the interval holds 0: record more before you change it.']
      : []),
  ];
  return [
    '  cache lifetime by agent:',
    table(rows, {
      head: ['', 'calls', 'rewritten', '5 min', '1 h against it', 'cheaper'],
      align: ['left', 'right', 'right', 'right', 'left', 'left'],
      indent: 4,
      colour: style.colour,
      columns: style.columns,
    }),
    ...notes(sentences, style),
  ];
}

/** Less than this is not worth two settings. */
const WORTH_SAYING = 0.01;

/** Whether agents are worth a lifetime each. */
function ownSentence({ own, agentCount }: CacheLifetimes): string[] {
  if (own == null || agentCount < 2) return [];
  const saves = formatShare(round(own.saves, 3));
  return own.saves < WORTH_SAYING
    ? [`One lifetime for all will do: each agent its own saves ${saves} of the bill.`]
    : [`Each agent its own lifetime saves ${saves} of the bill against one for all.`];
}

const BASES = {
  prefixes: 'equal prefixes',
  usage: 'what the provider says was read and written',
  mixed: 'equal prefixes and, without them, what the provider says was read and written',
} as const;

const LIFETIMES = { '5m': '5 min', '1h': '1 h' } as const;

function row(label: string, choice: LifetimeChoice): string[] {
  const { bill, calls, cheaper, hourSaves, ci95, rewrittenPerWritten } = choice;
  const lifetime = cheaper === null ? '' : LIFETIMES[cheaper];
  return [
    label,
    formatCount(calls),
    rewrittenPerWritten === null ? '' : String(round(rewrittenPerWritten, 2)),
    bill === null ? '' : formatShare(round(bill.m5, 3)),
    hourSaves === null ? '' : change(hourSaves, ci95),
    isUnsure(choice) ? `${lifetime}?` : lifetime,
  ];
}

/** `-11% (-14 to -8)`: the bill of an hour against that of five minutes. */
function change(hourSaves: number, ci95: LifetimeChoice['ci95']): string {
  const percent = (share: number): string => {
    const points = round(-100 * share, Math.abs(share) < 0.1 ? 1 : 0);
    return `${points > 0 ? '+' : ''}${points === 0 ? 0 : points}`;
  };
  const own = `${percent(hourSaves)}%`;
  return ci95 === null ? own : `${own} (${percent(ci95[1])} to ${percent(ci95[0])})`;
}

function isUnsure({ cheaper, ci95 }: LifetimeChoice): boolean {
  return cheaper !== null && (ci95 === null || (ci95[0] <= 0 && ci95[1] >= 0));
}

function labelOf({ agent, pattern }: LifetimeChoice, unnamed: string): string {
  if (agent !== null) return plain(agent, 24);
  return pattern === null ? unnamed : `${unnamed}, ${pattern}`;
}
