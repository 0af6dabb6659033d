import type { MetricName } from '../config/threshold.ts';

/** Metrics as people call them. */
export const METRIC_LABELS = {
  ttft: 'time to first token',
  itl: 'inter-token latency',
  tpot: 'time per output token',
  icl: 'chunk gap',
  stall: 'longest gap of a call',
  e2e: 'whole call',
  turn: 'user turn',
  session: 'session',
  ttfb: 'time to first byte',
  ttf_role: 'first event with a role',
  ttft_visible: 'first visible token',
  ttf_tool: 'first tool delta',
  send_lag: 'send lag of this client',
} as const satisfies Partial<Record<MetricName, string>>;

/** What a reader looks for first. */
export const MAIN_METRICS = [
  'ttft',
  'itl',
  'tpot',
  'icl',
  'stall',
  'e2e',
  'turn',
  'session',
  'ttfb',
  'ttf_tool',
] as const satisfies readonly (keyof typeof METRIC_LABELS)[];
