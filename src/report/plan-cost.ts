import type { Cost } from '../capacity/cost.ts';
import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import { formatCount, formatUsd } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** Sentences may hold names from outside: no endless lines. */
const LONGEST_LINE = 400;

/** The month at each scale, and what a turn, a session, a task and a user cost. */
export function costText(plan: Plan, style: TextStyle): string {
  const { head, rows } = costTable(plan, (total) => paint(total, 'bold', style));
  const notes = unknownsOf(plan).map(
    (unknown) => `  ${paint('unknown', 'yellow', style)}: ${plain(unknown, LONGEST_LINE)}`,
  );
  return [heading('Cost per month', style), table(rows, { head, ...style }), ...notes].join('\n');
}

/** Rows and heads of the cost table; columns that say nothing are left out. */
export function costTable(
  { scales }: Plan,
  emphasise: (total: string) => string,
): { head: string[]; rows: string[][] } {
  const isPool = scales.some(({ pool }) => pool !== null);
  const isSession = scales.some(({ cost }) => cost.perSession !== cost.perTurn);
  const isTask = scales.some(({ cost }) => cost.perTask !== null);
  const isUser = scales.some(({ cost }) => cost.perUser !== null);
  const only = (isShown: boolean, cell: string): string[] => (isShown ? [cell] : []);
  return {
    head: [
      '',
      'API',
      ...only(isPool, 'GPU'),
      'infra',
      'ops',
      'total/month',
      'per turn',
      ...only(isSession, 'per session'),
      ...only(isTask, 'per completed task'),
      ...only(isUser, 'per concurrent user'),
    ],
    rows: scales.map(({ scale, cost }) => [
      formatScale(scale),
      money(cost.monthly.api),
      ...only(isPool, money(cost.monthly.gpu)),
      money(cost.monthly.infra),
      money(cost.monthly.ops),
      emphasise(money(cost.monthly.total)),
      money(cost.perTurn),
      ...only(isSession, money(cost.perSession)),
      ...only(isTask, money(cost.perTask)),
      ...only(isUser, money(cost.perUser)),
    ]),
  };
}

/** What is not known of the bill and the limits, each once. */
export function unknownsOf({ scales }: Plan): string[] {
  return [...new Set(scales.flatMap(({ unknowns }) => unknowns))];
}

/** The bill line by line. */
export function billText(plan: Plan, style: TextStyle): string {
  const { head, rows } = billTable(plan);
  if (rows.length < 2) return '';
  const align = ['left', 'left'] as const;
  return `${heading('The bill, line by line ($ a month)', style)}\n${table(rows, { head, align, ...style })}`;
}

/** Every line of the bill with its quantity at the first scale and its cost at each. */
export function billTable({ scales }: Plan): { head: string[]; rows: string[][] } {
  const [first] = scales;
  if (first === undefined) return { head: [], rows: [] };
  const { infraLines, opsLines, routes } = first.cost;
  const each = (pick: (cost: Cost) => number | null | undefined): string[] =>
    scales.map(({ cost }) => money(pick(cost) ?? null));
  const api = routes.flatMap(({ callsPerMonth, model, provider, usdPerCall }, index) =>
    scales.every(({ cost }) => cost.routes[index]?.callsPerMonth === 0)
      ? []
      : [
          [
            plain(`${provider} ${model}`),
            `${formatCount(callsPerMonth)} calls at ${usdPerCall === null ? '?' : formatUsd(usdPerCall)}`,
            ...each((cost) => cost.routes[index]?.usdPerMonth),
          ],
        ],
  );
  const infra = infraLines.map(({ name, quantity }) => [
    plain(name),
    formatCount(quantity),
    ...each((cost) => cost.infraLines.find((line) => line.name === name)?.usdPerMonth),
  ]);
  const names = new Set(scales.flatMap(({ cost }) => cost.opsLines.map((line) => line.name)));
  const ops = [...names].map((name) => [
    plain(name),
    opsLines.some((line) => line.name === name) ? '' : 'later',
    ...scales.map(({ cost }) =>
      money(cost.opsLines.find((line) => line.name === name)?.usdPerMonth ?? 0),
    ),
  ]);
  const gpu = scales.some(({ pool }) => pool !== null)
    ? [['GPUs', `${formatCount(first.pool?.gpus ?? 0)}`, ...each((cost) => cost.monthly.gpu)]]
    : [];
  return {
    head: ['', `at ${formatScale(first.scale)}`, ...scales.map(({ scale }) => formatScale(scale))],
    rows: [...api, ...gpu, ...infra, ...ops],
  };
}

export function money(usd: number | null): string {
  return usd === null ? '?' : usd === 0 ? '$0' : formatUsd(usd);
}
