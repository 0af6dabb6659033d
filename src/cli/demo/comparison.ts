import { compare } from '../../report/demo.ts';
import type { Comparison } from '../../report/demo.ts';
import type { FigureName, Figures } from './figures.ts';
import type { Forecast } from './forecast.ts';

type Row = Pick<Comparison, 'name' | 'definition' | 'unit' | 'tolerance'>;

/**
 * What is compared, and how far beyond the forecast's 90 % interval a measurement may lie. The
 * tolerances are for what the forecast cannot know: the gateway's own milliseconds, and a busy
 * machine. They were set before the first run and are the same for every run.
 */
const ROWS = {
  requestsPerMinute: {
    name: 'Requests',
    definition: 'attempts sent, per minute',
    unit: 'perMinute',
    tolerance: 0.05,
  },
  peakRequestsPerMinute: {
    name: 'Requests, busiest 10 s',
    definition: 'attempts sent in the busiest ten seconds, as a rate per minute',
    unit: 'perMinute',
    tolerance: 0.05,
  },
  inputTokensPerMinute: {
    name: 'Input tokens',
    definition: 'as the provider reports them, cached or not, per minute',
    unit: 'perMinute',
    tolerance: 0.05,
  },
  outputTokensPerMinute: {
    name: 'Output tokens',
    definition: 'as the provider reports them, per minute',
    unit: 'perMinute',
    tolerance: 0.05,
  },
  cachedShare: {
    name: 'Input read from the cache',
    definition: 'input tokens that the provider’s prompt cache served, of all input tokens',
    unit: 'share',
    tolerance: 0.03,
  },
  refusedShare: {
    name: 'Attempts refused with 429',
    definition: 'attempts answered 429, of all attempts',
    unit: 'share',
    tolerance: 0.02,
  },
  ttftP50Ms: {
    name: 'Time to first token, median',
    definition: 'first token − intended start of the call',
    unit: 'ms',
    tolerance: 0.15,
  },
  ttftP95Ms: {
    name: 'Time to first token, p95',
    definition: 'the same; calls that were refused first include their wait',
    unit: 'ms',
    tolerance: 0.15,
  },
  turnP50Ms: {
    name: 'Turn, median',
    definition: 'last step done − user’s message, with tools and sub-agents',
    unit: 'ms',
    tolerance: 0.1,
  },
  turnP95Ms: {
    name: 'Turn, p95',
    definition: 'the same',
    unit: 'ms',
    tolerance: 0.1,
  },
} as const satisfies Record<FigureName, Row>;

/** Each figure with its forecast, measurement and verdict. */
export function compareFigures(forecast: Forecast, measured: Figures): Comparison[] {
  return (Object.keys(ROWS) as FigureName[]).map((figure) =>
    compare({ ...ROWS[figure], predicted: forecast[figure], measured: measured[figure] }),
  );
}
