import { expect, test } from 'vitest';

import type { AttemptSample } from '../../src/loadtest/sample.ts';
import { SilenceWatch } from '../../src/loadtest/silence.ts';

type Try = readonly [sent: number, end: number, result: 'answer' | 'refused' | 'timeout' | 'cut'];

function attempt([sent, end, result]: Try): AttemptSample {
  return {
    type: 'attempt',
    session: 0,
    turn: 0,
    call: '0',
    attempt: 1,
    last: true,
    model: 'm',
    intended: sent,
    ready: sent,
    sent,
    end,
    // A 429 is an answer, too: it has a status.
    ...(result === 'answer'
      ? { outcome: 'failed', status: 429, error: 'http-429' }
      : result === 'cut'
        ? { outcome: 'cut' }
        : { outcome: 'failed', error: result === 'refused' ? 'ECONNREFUSED' : 'timeout' }),
  };
}

const times = (count: number, each: (index: number) => Try): Try[] =>
  Array.from({ length: count }, (_, index) => each(index));

test.for<{ why: string; tries: readonly Try[]; silence: object | null }>([
  { why: 'nothing sent', tries: [], silence: null },
  { why: 'always answered', tries: times(50, (i) => [i, i + 1, 'answer']), silence: null },
  {
    why: 'never answered',
    tries: times(12, (i) => [i, i, 'refused']),
    silence: { fromMs: null, attempts: 12, error: 'ECONNREFUSED' },
  },
  {
    why: 'died on the way',
    tries: [
      ...times(5, (i) => [i, i + 1, 'answer'] as const),
      ...times(10, (i) => [100 + i, 100 + i, 'refused'] as const),
    ],
    silence: { fromMs: 4, attempts: 10, error: 'ECONNREFUSED' },
  },
  {
    why: 'too few to call it dead',
    tries: [[0, 1, 'answer'], ...times(9, (i) => [100 + i, 100 + i, 'refused'] as const)],
    silence: null,
  },
  {
    why: 'came back',
    tries: [
      [0, 1, 'answer'],
      ...times(40, (i) => [10 + i, 10 + i, 'refused'] as const),
      [60, 61, 'answer'],
    ],
    silence: null,
  },
  {
    why: 'slow ones end last, though later ones were answered',
    tries: [...times(20, (i) => [i, 5000 + i, 'timeout'] as const), [30, 31, 'answer']].toSorted(
      (a, b) => (a[1] as number) - (b[1] as number),
    ) as Try[],
    silence: null,
  },
  {
    why: 'what an interrupt cut says nothing',
    tries: [[0, 1, 'answer'], ...times(30, (i) => [10 + i, 100, 'cut'] as const)],
    silence: null,
  },
  {
    why: 'more than are remembered one by one',
    tries: [[0, 1, 'answer'], ...times(5000, (i) => [10 + i, 10 + i, 'refused'] as const)],
    silence: { fromMs: 0, attempts: 5000, error: 'ECONNREFUSED' },
  },
])('$why', ({ silence, tries }) => {
  const watch = new SilenceWatch();
  for (const each of tries) watch.attempt(attempt(each));
  expect(watch.view()).toEqual(silence);
});
