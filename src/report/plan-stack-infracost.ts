import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { MeterName, StackLoad } from '../capacity/stack-load.ts';
import type { StackScale } from '../capacity/stack-plan.ts';
import { MS_PER_SECOND, round } from '../core/units.ts';

/**
 * `infracost-usage.yml`: what a month uses, for teams that price their Terraform with Infracost. The
 * plan knows no resource addresses, so it fills `resource_type_default_usage`.
 */

/** Nested keys of one resource type; an unknown amount is left out, never 0. */
interface Usage {
  readonly [key: string]: number | null | Usage;
}

/** Sent, received and deleted. */
const REQUESTS_PER_MESSAGE = 3;
const KIB = 1024;

/** The usage file for the scale that the plan must carry; null when the plan has no stack. */
export function infracostUsage(plan: Plan): string | null {
  const scale =
    plan.stack?.scales.find((one) => one.scale === plan.goals.fitsAtScale) ?? plan.stack?.scales[0];
  if (scale === undefined) return null;
  const types = new Map<string, Usage>();
  for (const { chosen } of scale.components) {
    const usages = chosen === null ? {} : (USAGES[chosen.option]?.(scale) ?? {});
    for (const [type, usage] of Object.entries(usages)) {
      types.set(type, merged(types.get(type) ?? {}, usage));
    }
  }
  const lines = [
    `# Usage at ${formatScale(scale.scale)} of the plan, for: infracost breakdown --usage-file infracost-usage.yml`,
    '# It holds for every resource of a type: move it under the resource’s address where there are several.',
    'version: 0.1',
    types.size === 0 ? 'resource_type_default_usage: {}' : 'resource_type_default_usage:',
    ...[...types].flatMap(([type, usage]) => [`  ${type}:`, ...usageLines(usage, 4)]),
  ];
  return `${lines.join('\n')}\n`;
}

type UsageOf = (scale: StackScale) => Readonly<Record<string, Usage>>;

/** By option; options that are billed by machine need no usage. */
const USAGES: Readonly<Record<string, UsageOf>> = {
  lambda: ({ load, traffic }) => ({
    aws_lambda_function: {
      monthly_requests: load.month.turns,
      request_duration_ms: traffic.turnSeconds * MS_PER_SECOND,
    },
  }),
  'cloud-run': ({ load, traffic }) => ({
    google_cloud_run_v2_service: {
      monthly_requests: load.month.turns,
      average_request_duration_ms: traffic.turnSeconds * MS_PER_SECOND,
    },
  }),
  sqs: sqsUsage,
  'sqs-fifo': sqsUsage,
  pubsub: ({ load }) => {
    const monthly_message_data_tb = times(load, 'messageGib', 1 / KIB);
    return {
      google_pubsub_topic: { monthly_message_data_tb },
      google_pubsub_subscription: { monthly_message_data_tb },
    };
  },
  dynamodb: ({ load }) => ({
    aws_dynamodb_table: {
      monthly_write_request_units: load.month.stateWriteUnits,
      monthly_read_request_units: load.month.stateReadUnits,
      storage_gb: load.month.stateGb,
    },
  }),
  'dynamodb-archive': ({ load }) => ({
    aws_dynamodb_table: {
      monthly_write_request_units: load.month.coldWriteUnits,
      monthly_read_request_units: load.month.coldReads,
      storage_gb: load.month.coldGb,
    },
  }),
  s3: ({ load }) => ({
    aws_s3_bucket: {
      standard: {
        storage_gb: load.month.coldGb,
        monthly_tier_1_requests: load.month.coldWrites,
        monthly_tier_2_requests: load.month.coldReads,
      },
    },
  }),
  gcs: ({ load }) => ({
    google_storage_bucket: {
      storage_gb: load.month.coldGb,
      monthly_class_a_operations: load.month.coldWrites,
      monthly_class_b_operations: load.month.coldReads,
    },
  }),
  'aws-network': ({ load, traffic }) => ({
    // Address translation runs in two zones: each passes half of the traffic.
    aws_nat_gateway: { monthly_data_processed_gb: times(load, 'natGb', 1 / 2) },
    aws_data_transfer: {
      monthly_outbound_internet_gb: load.month.egressGb,
      monthly_intra_region_gb: load.month.crossZoneGb,
    },
    aws_lb: {
      new_connections: traffic.turnsPerSecond,
      active_connections: traffic.turnsPerSecond * traffic.turnSeconds,
    },
  }),
  'gcp-network': ({ load }) => ({
    google_compute_router_nat: { monthly_data_processed_gb: load.month.natGb },
  }),
  cloudwatch: ({ load }) => ({
    aws_cloudwatch_log_group: { monthly_data_ingested_gb: load.month.logGb },
  }),
};

function sqsUsage({ load }: StackScale): Readonly<Record<string, Usage>> {
  return {
    aws_sqs_queue: {
      monthly_requests: times(load, 'messages', REQUESTS_PER_MESSAGE),
      request_size_kb: load.messageBytes === null ? null : load.messageBytes / KIB,
    },
  };
}

function times(load: StackLoad, meter: MeterName, factor: number): number | null {
  const amount = load.month[meter];
  return amount === null ? null : amount * factor;
}

/** Two components on one resource type (state and archive in one kind of table) add up. */
function merged(one: Usage, other: Usage): Usage {
  const result: Record<string, number | null | Usage> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = result[key];
    result[key] = typeof before === 'number' && typeof value === 'number' ? before + value : value;
  }
  return result;
}

function usageLines(usage: Usage, indent: number): string[] {
  const space = ' '.repeat(indent);
  return Object.entries(usage).flatMap(([key, value]) => {
    if (value === null) return [];
    if (typeof value === 'number') return [`${space}${key}: ${round(value, value < 100 ? 3 : 0)}`];
    return [`${space}${key}:`, ...usageLines(value, indent + 2)];
  });
}
