import { agedRows } from '../../catalog/price-ages.ts';
import type { AgedRow } from '../../catalog/price-ages.ts';
import { readCatalogs } from '../../catalog/providers.ts';
import type { Finding } from '../../report/doctor.ts';

/** Most providers have changed a price or a limit within half a year. */
const OLD_DAYS = 180;

/** How old the numbers are that plans use. @param today ISO date */
export async function catalogFinding(today: string): Promise<Finding> {
  return judgeCatalog(agedRows(await readCatalogs(), today));
}

export function judgeCatalog(rows: readonly Pick<AgedRow, 'days'>[]): Finding {
  const days = rows.map((row) => row.days).toSorted((a, b) => a - b);
  const middle = days[Math.floor(days.length / 2)] ?? 0;
  const old = days.filter((age) => age > OLD_DAYS).length;
  const found = `${days.length} prices and limits, ${days[0] ?? 0} to ${days.at(-1) ?? 0} days old, half of them up to ${middle}`;
  const common = { id: 'catalog', group: 'catalog' } as const;
  if (middle <= OLD_DAYS) {
    const affects =
      old === 0
        ? null
        : `${old} ${old === 1 ? 'is' : 'are'} older than ${OLD_DAYS} days; plans name those they use`;
    return { ...common, level: 'ok', found, affects, mend: null };
  }
  return {
    ...common,
    level: 'warn',
    found,
    affects: 'costs and limits of plans',
    mend: 'Update agent-infra, or: agent-infra catalog update --from <list> --write prices.yaml, then plan --prices prices.yaml',
  };
}
