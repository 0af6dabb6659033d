import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { askPrint } from '../../src/traces/ask-print.ts';
import { nearRepeats } from '../../src/workload/near-repeats.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';

describe.skipIf(noTraces)('tau-bench', () => {
  test('1,490 user messages: published shares of repeats', () => {
    const sessions = JSON.parse(
      readFileSync(sharedTrace('tau-bench/gpt-4o-airline.json'), 'utf8'),
    ) as readonly {
      readonly traj: readonly { readonly role: string; readonly content: string }[];
    }[];
    const asks = sessions
      .flatMap(({ traj }) => traj.filter(({ role }) => role === 'user'))
      .map(({ content }) => askPrint(content));
    const { count, exact, near80, near50 } = nearRepeats(asks);
    const percent = (part: number): string => ((100 * part) / count).toFixed(1);
    expect([count, percent(exact), percent(near80), percent(near50)]).toEqual([
      1490,
      '6.5',
      '7.9',
      '17.7',
    ]);
  });
});
