import { readFileSync } from 'node:fs';

import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { askPrint } from '../../src/traces/ask-print.ts';
import type { LlmCall } from '../../src/core/trace.ts';
import { nearRepeats } from '../../src/workload/near-repeats.ts';
import { RepeatFold } from '../../src/workload/repeats.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';
import { llm } from './trace-builders.ts';

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

test('messages of one instant and one hash count the same in any order', () => {
  const asks = [
    [2, 7, 10, 11],
    [2, 5, 10, 11],
    [1, 7, 10, 11],
  ].map((shingles, text): LlmCall => {
    const ask = { text: Math.max(1, text), before: 0, shingles: Uint32Array.from(shingles) };
    return llm({ startMs: text === 2 ? 9 : 5, details: { ask } });
  });
  const counts = (calls: readonly LlmCall[]): object | null => {
    const fold = new RepeatFold();
    for (const call of calls) fold.call(call);
    return fold.figures();
  };
  expect(counts([asks[1]!, asks[0]!, asks[2]!])).toEqual(counts(asks));
});

test('of more messages than are compared the earliest stay, in whatever order and parts they come', () => {
  // 16,384 are compared, and what is beyond goes when there are twice as many.
  const calls = Array.from({ length: 40_000 }, (_, index): LlmCall => {
    const ask = { text: index, before: undefined, shingles: Uint32Array.of(index) };
    return llm({ startMs: index, details: { ask } });
  });
  const stateOf = (...parts: readonly (readonly LlmCall[])[]): object => {
    const whole = new RepeatFold();
    for (const part of parts) {
      const fold = new RepeatFold();
      for (const call of part) fold.call(call);
      whole.merge(fold.state());
    }
    return whole.state();
  };
  const inOrder = stateOf(calls);
  expect(inOrder).toMatchObject({ asks: { texts: { length: 16_384, 0: 0, 16_383: 16_383 } } });
  expect(stateOf(calls.toReversed())).toEqual(inOrder);
  const odd = calls.filter((_, index) => index % 2 === 1);
  const even = calls.filter((_, index) => index % 2 === 0);
  expect(stateOf(odd, even)).toEqual(inOrder);
});

describe('user messages', () => {
  const states = (...asks: readonly (readonly [string, number?])[]): object => {
    const { sameState, otherState, unknownState } = nearRepeats(
      asks.map(([text, before]) => askPrint(text, before)),
    );
    return { sameState, otherState, unknownState };
  };

  test.for([
    {
      why: 'the same words after the same messages',
      asks: [
        ['Cancel it, please!', 1],
        ['cancel it please', 1],
      ],
      is: 'sameState',
    },
    {
      why: 'the same words after another tool result',
      asks: [
        ['yes, book that one', 1],
        ['Yes, book that one.', 2],
      ],
      is: 'otherState',
    },
    {
      why: 'of three, the third stands where the first stood',
      asks: [
        ['yes', 1],
        ['yes', 2],
        ['yes', 1],
      ],
      is: 'sameState',
      others: 1,
    },
    {
      why: 'a source that does not hold what came before',
      asks: [['go on'], ['go on']],
      is: 'unknownState',
    },
  ] as const)('$why', ({ asks, is, ...rest }) => {
    const none = { sameState: 0, otherState: 0, unknownState: 0 };
    const others = 'others' in rest ? { otherState: rest.others } : {};
    expect(states(...asks)).toEqual({ ...none, [is]: 1, ...others });
  });

  it('repeats as much as comparing every pair says', () => {
    const word = constantFrom('a', 'b', 'c', 'd');
    const message = array(word, { minLength: 3, maxLength: 12 });
    const trigrams = (words: readonly string[]): Set<string> =>
      new Set(words.slice(2).map((_, at) => words.slice(at, at + 3).join(' ')));
    const jaccard = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
      const common = [...a].filter((one) => b.has(one)).length;
      return common / (a.size + b.size - common);
    };
    assert(
      property(array(message, { maxLength: 12 }), (messages) => {
        const sets = messages.map(trigrams);
        const best = messages.map((own, at) =>
          Math.max(
            0,
            ...messages
              .slice(0, at)
              .map((other, index) =>
                other.join(' ') === own.join(' ') ? 1 : jaccard(sets[at]!, sets[index]!),
              ),
          ),
        );
        const texts = messages.map((words) => words.join(' '));
        const { exact, near80, near50 } = nearRepeats(texts.map((text) => askPrint(text)));
        expect([exact, near80, near50]).toEqual([
          texts.length - new Set(texts).size,
          best.filter((share) => share >= 0.8).length,
          best.filter((share) => share >= 0.5).length,
        ]);
      }),
    );
  });

  it('are compared by words alone, in any script', () => {
    const print = (text: string): number => askPrint(text).text;
    expect(print('Où est-il ?')).toBe(print('  où   EST il'));
    expect(print('取消预订')).not.toBe(print('取消订单'));
    expect(print('')).toBe(print('?!'));
    // A sign beyond ASCII between the same words changes nothing.
    expect(askPrint('Book it – now, for two')).toEqual(askPrint('book IT - now for two.'));
    expect(print('ab c')).not.toBe(print('a bc'));
  });

  it('of great length keep a bounded fingerprint that still finds their copies', () => {
    const long = Array.from({ length: 3000 }, (_, at) => `w${(at * 7919) % 997}`);
    const a = askPrint(long.join(' '));
    expect(a.shingles).toHaveLength(64);
    const changed = long.with(100, 'changed').join(' ');
    const { exact, near80 } = nearRepeats([a, askPrint(changed)]);
    expect([exact, near80]).toEqual([0, 1]);
  });
});
