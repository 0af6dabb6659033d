import { planGates } from '../capacity/gates.ts';
import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import { fullestLimit } from '../capacity/plan-diff.ts';
import { html, renderPage } from './html.ts';
import type { Markup } from './html.ts';
import { cards, dataTable, pill, section } from './html-parts.ts';
import type { Card } from './html-parts.ts';
import { planSection } from './html-plan.ts';
import { billTable, money } from './plan-cost.ts';
import { breakName, costSentence, nextStep, peakSentence } from './plan-decision.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { plain } from './text.ts';

/** A plan on one page: the answer, what it rests on, and where each number comes from. */
export function renderPlanHtml(plan: Plan): string {
  const { breaksAt } = plan;
  const next = nextStep(plan);
  const headline =
    breaksAt === null
      ? 'No limit is known that could break this plan'
      : `Breaks at ${formatScale(breaksAt.scale)}: ${breakName(breaksAt)}`;
  return renderPage({
    title: `plan: ${plain(plan.name, 80)}`,
    body: html`<p class="eyebrow"><b>agent-infra</b> plan · ${plain(plan.name, 120)}</p>
      <h1>${headline}</h1>
      <p class="lede">
        ${peakSentence(plan).trim()} ${costSentence(plan)}
        ${next === null ? '' : `Next: ${plain(next, 400)}.`}
      </p>
      ${cards(headlineCards(plan))} ${goalsSection(plan)} ${planSection(plan)} ${billSection(plan)}
      ${basisSection(plan)}`,
  });
}

function headlineCards(plan: Plan): Card[] {
  return plan.scales.map(({ cost, limits, scale, verdict }): Card => {
    const use = fullestLimit(limits);
    return {
      label: `at ${formatScale(scale)}`,
      value: PLAN_VERDICTS[verdict].text,
      detail: `${money(cost.monthly.total)} a month${use === null ? '' : `; the fullest limit at ${Math.round(use * 100)}%`}`,
      tone: TONES[verdict],
    };
  });
}

const TONES = {
  fits: 'good',
  tight: 'warn',
  bursts: 'warn',
  exceeds: 'bad',
  unservable: 'bad',
  unknown: 'warn',
} as const satisfies Record<Plan['scales'][number]['verdict'], Card['tone']>;

function goalsSection(plan: Plan): Markup {
  const rows = planGates(plan).map(({ detail, name, passed }) => [
    name,
    passed ? pill('pass', 'good') : pill('FAIL', 'bad'),
    plain(detail, 400),
  ]);
  const notes = plan.warnings.map((warning) => html`<li>${plain(warning, 400)}</li> `);
  return section({
    id: 'goals',
    title: 'Goals',
    body: html`${dataTable([{ name: 'goal' }, { name: '', isText: true }, { name: '', isText: true }], rows)}
    ${
      notes.length === 0
        ? ''
        : html`<ul class="note">
            ${notes}
          </ul>`
    }`,
  });
}

function billSection(plan: Plan): Markup | '' {
  const { head, rows } = billTable(plan);
  if (rows.length === 0) return '';
  return section({
    id: 'bill',
    title: 'The bill, line by line ($ a month)',
    body: dataTable(
      head.map((name, index) => ({ name, isText: index < 2 })),
      rows,
    ),
  });
}

function basisSection(plan: Plan): Markup {
  const list = (items: readonly Markup[]): Markup =>
    html`<ul>
      ${items}
    </ul>`;
  return section({
    id: 'basis',
    title: 'What it rests on',
    body: html`<h3>Not counted</h3>
      ${list(plan.notCounted.map((text) => html`<li>${plain(text, 300)}</li> `))}
      <h3>Assumed, because the plan does not say</h3>
      ${dataTable(
        [{ name: '' }, { name: 'taken as', isText: true }, { name: 'why', isText: true }],
        plan.assumptions.map(({ key, value, why }) => [key, plain(value, 200), plain(why, 300)]),
      )}
      <h3>Sources</h3>
      ${dataTable(
        [
          { name: 'number' },
          { name: 'date' },
          { name: 'basis', isText: true },
          { name: 'page', isText: true },
        ],
        plan.sources.map(({ basis, date, of, page }) => [
          plain(of, 120),
          date === '' ? '–' : date,
          basis,
          plain(page, 160),
        ]),
      )}`,
  });
}
