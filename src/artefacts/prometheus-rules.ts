import { DIMENSIONS } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { Stage, Trigger } from '../capacity/stages.ts';
import { writeYaml } from '../config/document.ts';
import { formatCount, formatUsd, round } from '../core/units.ts';

/**
 * The plan's thresholds as Prometheus rules over the gateway's metrics, and promtool unit tests
 * that prove each alert fires at the planned load and stays silent below its threshold. Only keys
 * that promtool 2.42 knows (no `query_offset`, no group labels).
 */
export interface RuleFiles {
  readonly rules: string;
  /** For `promtool test rules`; refers to the rule file by `rulesName`. */
  readonly tests: string;
}

/** A threshold must hold this long before a stage's alert fires. */
const SUSTAINED = '10m';
/** Window of the rates: four scrapes of 30 s, so that one lost scrape does not blind the rule. */
const RATE_WINDOW = '2m';
/** Share of a limit at which the on-call is told. */
const NEAR_LIMIT = 0.9;

type Watched = Trigger['dimension'];

/** Recording rule per dimension: requests and tokens per minute by model. */
const RECORDS: Readonly<
  Record<Watched, { readonly record: string; readonly expr: string; readonly series: string }>
> = {
  rpm: {
    record: 'model:agent_gateway_requests:per_minute',
    expr: perMinute('agent_gateway_requests_total{outcome!~"limited|refused"}'),
    series: 'agent_gateway_requests_total{agent="a",route="r",model=MODEL,outcome="ok"}',
  },
  tpm: {
    record: 'model:agent_gateway_tokens:per_minute',
    expr: perMinute('agent_gateway_tokens_total'),
    series: 'agent_gateway_tokens_total{agent="a",model=MODEL,direction="in",kind="uncached"}',
  },
  itpm: {
    record: 'model:agent_gateway_input_tokens:per_minute',
    expr: perMinute('agent_gateway_tokens_total{direction="in"}'),
    series: 'agent_gateway_tokens_total{agent="a",model=MODEL,direction="in",kind="uncached"}',
  },
  otpm: {
    record: 'model:agent_gateway_output_tokens:per_minute',
    expr: perMinute('agent_gateway_tokens_total{direction="out"}'),
    series: 'agent_gateway_tokens_total{agent="a",model=MODEL,direction="out",kind="output"}',
  },
};

function perMinute(series: string): string {
  return `sum by (model) (rate(${series}[${RATE_WINDOW}])) * 60`;
}

interface Alert {
  readonly alert: string;
  readonly dimension: Watched;
  /** Undefined: all models together (a custom provider without a model name). */
  readonly model: string | undefined;
  readonly threshold: number;
  readonly forDuration: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** @param rulesName file name of the rules, as the test file refers to it */
export function prometheusRules(plan: Plan, rulesName = 'prometheus-rules.yaml'): RuleFiles {
  const alerts = [...stageAlerts(plan), ...limitAlerts(plan)];
  const group = {
    name: `agent-infra-plan-${slug(plan.name)}`,
    interval: '30s',
    rules: [
      ...Object.values(RECORDS).map(({ record, expr }) => ({ record, expr })),
      ...alerts.map((alert) => ({
        alert: alert.alert,
        expr: expression(alert),
        for: alert.forDuration,
        labels: alert.labels,
        annotations: alert.annotations,
      })),
    ],
  };
  return {
    rules: `${RULES_COMMENT}${writeYaml({ groups: [group] })}`,
    tests: `${TESTS_COMMENT}${writeYaml({
      rule_files: [rulesName],
      evaluation_interval: '30s',
      tests: alerts.flatMap(alertTests),
    })}`,
  };
}

const RULES_COMMENT =
  '# Written by agent-infra plan. Thresholds are those of the plan; change the plan, not this file.\n';
const TESTS_COMMENT =
  '# promtool test rules THIS_FILE: each alert fires above its threshold and not below.\n';

function expression({ dimension, model, threshold }: Alert): string {
  const { record } = RECORDS[dimension];
  const selected = model === undefined ? record : `${record}{model=${JSON.stringify(model)}}`;
  return `sum(${selected}) > ${threshold}`;
}

function stageAlerts(plan: Plan): Alert[] {
  return plan.stages.flatMap((stage, index) => {
    const trigger = stage.startsWhen;
    if (trigger === null) return [];
    return [
      {
        alert: `PlanStage${index + 1}Starts`,
        dimension: trigger.dimension,
        model: modelLabel(trigger),
        threshold: trigger.threshold,
        forDuration: SUSTAINED,
        labels: { severity: 'info', plan: slug(plan.name), stage: String(index + 1) },
        annotations: {
          summary: `Start ${stage.name} (for ${round(stage.atScale, 2)}x): ${DIMENSIONS[trigger.dimension].label} above ${formatCount(trigger.threshold)}`,
          description: describeStage(stage),
        },
      },
    ];
  });
}

function describeStage(stage: Stage): string {
  const changes =
    stage.changes.length === 0 ? 'Nothing to change.' : `${stage.changes.join('; ')}.`;
  const cost =
    stage.usdPerMonth === null ? '' : ` Then about ${formatUsd(stage.usdPerMonth)} per month.`;
  return `${changes}${cost}`;
}

const WATCHED = new Set<string>(['rpm', 'tpm', 'itpm', 'otpm']);

/** Near a limit as it is today: the first scale's rows name them all. */
function limitAlerts(plan: Plan): Alert[] {
  return (plan.scales[0]?.limits ?? []).flatMap((use) => {
    if (!WATCHED.has(use.dimension)) return [];
    const { label } = DIMENSIONS[use.dimension];
    const name = `${use.provider} ${use.model}`;
    return [
      {
        alert: `Near${use.dimension.charAt(0).toUpperCase()}${use.dimension.slice(1)}Limit${camel(name)}`,
        dimension: use.dimension as Watched,
        model: modelLabel(use),
        threshold: Math.round(use.limit * NEAR_LIMIT),
        forDuration: '2m',
        labels: { severity: 'warning', plan: slug(plan.name) },
        annotations: {
          summary: `${label} of ${name} is above ${NEAR_LIMIT * 100}% of its limit of ${formatCount(use.limit)}`,
          description: 'Rejections (429) come next: queue, move calls, or start the next stage.',
        },
      },
    ];
  });
}

/** A custom provider without a model name is the only target: its rules watch every model. */
function modelLabel({
  provider,
  model,
}: {
  readonly provider: string;
  readonly model: string;
}): string | undefined {
  return provider === 'custom' && model === 'model' ? undefined : model;
}

function alertTests(alert: Alert): unknown[] {
  const model = alert.model ?? 'any';
  const series = RECORDS[alert.dimension].series.replace('MODEL', () => JSON.stringify(model));
  const test = (name: string, perMinuteValue: number, fires: boolean): unknown => ({
    name: `${alert.alert} ${name}`,
    interval: '1m',
    input_series: [{ series, values: `0+${Math.floor(perMinuteValue)}x40` }],
    alert_rule_test: [
      {
        eval_time: '30m',
        alertname: alert.alert,
        exp_alerts: fires ? [{ exp_labels: alert.labels, exp_annotations: alert.annotations }] : [],
      },
    ],
  });
  return [
    test('is silent below its threshold', alert.threshold * 0.9, false),
    test('fires above its threshold', alert.threshold * 1.1 + 1, true),
  ];
}

function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'plan'
  );
}

function camel(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
