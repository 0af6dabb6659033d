import { isRecord } from '../http/dialect-json.ts';
import type { AdminAnswer, AdminCall } from './admin.ts';

/** One answer out of the workers' answers: counts add up, scripts are the same everywhere. */
export function mergeAdmin({ call }: AdminCall, answers: readonly AdminAnswer[]): AdminAnswer {
  const first = answers[0];
  if (first === undefined) return { status: 503, body: { error: 'no worker is running' } };
  if (first.status !== 200) return first;
  if (call === 'GET /metrics') {
    return { status: 200, body: addMetrics(answers.map(({ body }) => String(body))) };
  }
  return { status: 200, body: answers.map(({ body }) => body).reduce(add) };
}

/** Numbers add, objects and lists add by their fields, everything else is the first's. */
function add(a: unknown, b: unknown): unknown {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (isCountList(a) && isCountList(b)) return a.map((item, index) => add(item, b[index]));
  if (isRecord(a) && isRecord(b)) {
    const merged: Record<string, unknown> = {};
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      // A fault script is configuration, not a count.
      if (key === 'faults') merged[key] = a[key];
      else merged[key] = key in a && key in b ? add(a[key], b[key]) : (a[key] ?? b[key]);
    }
    return merged;
  }
  return a;
}

function isCountList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Shares between 0 and 1 are averaged over workers; everything else is a count. */
const AVERAGED = ['vllm:kv_cache_usage_perc'];

function addMetrics(texts: readonly string[]): string {
  const lines: string[] = [];
  const index = new Map<string, number>();
  const values: number[] = [];
  for (const text of texts) {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const space = line.lastIndexOf(' ');
      const series = line.startsWith('#') ? line : line.slice(0, space);
      const value = line.startsWith('#') ? Number.NaN : Number(line.slice(space + 1));
      const at = index.get(series);
      if (at === undefined) {
        index.set(series, lines.length);
        lines.push(series);
        values.push(value);
      } else {
        values[at]! += value;
      }
    }
  }
  return lines
    .map((series, at) => {
      if (series.startsWith('#')) return `${series}\n`;
      const isShare = AVERAGED.some((name) => series.startsWith(name));
      return `${series} ${isShare ? values[at]! / texts.length : values[at]!}\n`;
    })
    .join('');
}
