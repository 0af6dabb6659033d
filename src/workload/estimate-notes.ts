import type { EstimateReport } from '../core/trace.ts';
import { formatCount, formatShare } from '../core/units.ts';

/** Collects how missing token counts were estimated; notes of parts merge to those of the whole. */
export class EstimateNotes {
  readonly #notes = new Map<string, EstimateReport>();

  add(reports: readonly EstimateReport[]): void {
    for (const report of reports) {
      const key = JSON.stringify([report.role, report.basis, report.model]);
      const known = this.#notes.get(key);
      this.#notes.set(key, known === undefined ? report : joined(known, report));
    }
  }

  list(): readonly EstimateReport[] {
    return [...this.#notes.values()];
  }

  /** One sentence per model and role, those with most calls first. */
  warnings(): string[] {
    const ordered = [...this.#notes]
      .toSorted(([x, a], [y, b]) => b.calls - a.calls || (x < y ? -1 : 1))
      .map(([, note]) => note);
    const lines = ordered.slice(0, MOST_LINES).map(sentence);
    const more = ordered.length - lines.length;
    return more === 0 ? lines : [...lines, `${more} more models have estimated token counts.`];
  }
}

/** The wider band: a sum of parts is at most as certain as the least certain part says. */
function joined(a: EstimateReport, b: EstimateReport): EstimateReport {
  const isKnown = a.low !== null && b.low !== null && a.high !== null && b.high !== null;
  return {
    ...a,
    calls: a.calls + b.calls,
    samples: a.samples + b.samples,
    low: isKnown ? Math.min(a.low, b.low) : null,
    high: isKnown ? Math.max(a.high, b.high) : null,
  };
}

function sentence({ role, model, calls, basis, samples, low, high }: EstimateReport): string {
  const what =
    role === 'input' ? 'Input' : role === 'answers' ? 'Output of answers' : 'Output of tool calls';
  const whose = model === undefined ? '' : ` of ${model}`;
  const method =
    basis === 'calibrated'
      ? `tokenizer, corrected by ${formatCount(samples)} calls that report usage`
      : basis === 'tokenizer'
        ? 'tokenizer, nothing to correct it by'
        : 'a quarter of the characters, no tokenizer was found';
  const band =
    low === null || high === null
      ? 'how far it is off is not known for this model'
      : `a single call truly has ${signed(low - 1)} to ${signed(high - 1)} (p5 to p95)`;
  return `${what}${whose} estimated for ${formatCount(calls)} call${calls === 1 ? '' : 's'}: ${method}; ${band}.`;
}

function signed(share: number): string {
  return share < 0 ? `−${formatShare(-share)}` : `+${formatShare(share)}`;
}

/** More models than this are named by number only. */
const MOST_LINES = 6;
