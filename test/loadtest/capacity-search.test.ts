import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { nextTrial, searchResult } from '../../src/loadtest/capacity-search.ts';
import type {
  SearchEnding,
  SearchSettings,
  SearchTrial,
  TrialOutcome,
} from '../../src/loadtest/capacity-search.ts';

const SETTINGS: SearchSettings = {
  start: 10,
  most: null,
  resolution: 0.1,
  maxTrials: 40,
  whole: false,
};

interface Searched {
  readonly trials: readonly (SearchTrial & { readonly step: string; readonly length: number })[];
  readonly ending: SearchEnding;
}

/** Runs a search against a target that answers each load with an outcome. */
function search(
  answer: (load: number, trial: number) => TrialOutcome | 'leans to held' | 'leans to broken',
  settings: Partial<SearchSettings> = {},
): Searched {
  const all = { ...SETTINGS, ...settings };
  const trials: (SearchTrial & { step: string; length: number })[] = [];
  for (;;) {
    const next = nextTrial(all, trials);
    if (next.kind === 'done') return { trials, ending: next.ending };
    expect(trials.length).toBeLessThan(all.maxTrials);
    const { length, load, step } = next;
    trials.push({ load, step, length, leans: null, ...judged(answer(load, trials.length)) });
  }
}

function judged(answer: TrialOutcome | 'leans to held' | 'leans to broken') {
  if (answer === 'leans to held') return { outcome: 'open', leans: 'held' } as const;
  if (answer === 'leans to broken') return { outcome: 'open', leans: 'broken' } as const;
  return { outcome: answer };
}

const knee =
  (at: number) =>
  (load: number): TrialOutcome =>
    load <= at ? 'held' : 'broken';

describe('the trials of a search', () => {
  test('steps up by doubling, bisects by ratio, then runs both ends again', () => {
    const { ending, trials } = search(knee(31));
    expect(ending).toBe('resolved');
    expect(trials.map(({ load, outcome, step }) => `${step} ${load} ${outcome}`)).toEqual([
      'first 10 held',
      'up 20 held',
      'up 40 broken',
      'between 28.28 held',
      'between 33.63 broken',
      'between 30.84 held',
      'confirm 30.84 held',
      'recheck 33.63 broken',
    ]);
    expect(searchResult(trials)).toEqual({
      capacity: 30.84,
      runs: 2,
      onlyLeans: false,
      interval: { held: 30.84, broken: 33.63 },
      mixed: [],
      outOfOrder: [],
    });
  });

  test('a start that breaks is halved until something holds', () => {
    const { trials } = search(knee(3));
    expect(trials.slice(0, 3).map(({ load, step }) => `${step} ${load}`)).toEqual([
      'first 10',
      'down 5',
      'down 2.5',
    ]);
    expect(searchResult(trials).interval).toEqual({ held: 2.973, broken: 3.242 });
  });

  test('whole numbers of users: neighbours are as close as it gets', () => {
    const { ending, trials } = search(knee(7), { start: 1, whole: true, resolution: 0.01 });
    expect(ending).toBe('resolved');
    expect(searchResult(trials).interval).toEqual({ held: 7, broken: 8 });
    expect(trials.every(({ load }) => Number.isInteger(load))).toBe(true);
  });

  test('not even one user: the search ends, and nothing held', () => {
    const { ending, trials } = search(() => 'broken', { start: 6, whole: true });
    expect(ending).toBe('least');
    expect(trials.map(({ load }) => load)).toEqual([6, 3, 1]);
    expect(searchResult(trials)).toMatchObject({
      capacity: null,
      interval: { held: null, broken: 1 },
    });
  });

  test('never above the highest load allowed, which must hold twice', () => {
    const { ending, trials } = search(knee(1000), { most: 35 });
    expect(ending).toBe('most');
    expect(trials.map(({ load }) => load)).toEqual([10, 20, 35, 35]);
    expect(searchResult(trials)).toMatchObject({ capacity: 35, interval: { broken: null } });
  });

  test('a trial that was too short is run again at twice the length, once', () => {
    const { trials } = search((load, at) => (load === 20 && at === 1 ? 'open' : knee(31)(load)));
    expect(trials.slice(1, 4).map(({ length, load, step }) => [step, load, length])).toEqual([
      ['up', 20, 1],
      ['again', 20, 2],
      ['up', 40, 1],
    ]);
  });

  test('a generator that cannot go higher bounds the search, and nothing is said to break', () => {
    const { ending, trials } = search((load) => (load > 25 ? 'saturated' : 'held'));
    expect(ending).toBe('resolved');
    const { capacity, interval } = searchResult(trials);
    expect(interval.broken).toBeNull();
    expect(capacity).toBeGreaterThan(25 / 1.1);
    expect(capacity).toBeLessThanOrEqual(25);
  });

  test('a machine that is busy now and then: a load that has held is confirmed later', () => {
    const { ending, trials } = search((load, at) =>
      at === 6 || at === 7 || at === 8 ? 'saturated' : knee(31)(load),
    );
    expect(ending).toBe('resolved');
    expect(trials.slice(5, 10).map(({ load, step }) => `${step} ${load}`)).toEqual([
      'between 30.84',
      'confirm 30.84',
      'again 30.84',
      'confirm 30.84',
      'confirm 30.84',
    ]);
    expect(searchResult(trials).interval).toEqual({ held: 30.84, broken: 33.63 });
  });

  test('a load that does not hold twice is no capacity', () => {
    let runs = 0;
    const { trials } = search((load) => {
      if (load === 30.84) return (runs += 1) === 1 ? 'held' : 'broken';
      return knee(31)(load);
    });
    const { capacity, interval, mixed } = searchResult(trials);
    expect(mixed).toEqual([30.84]);
    expect(capacity).toBe(28.28);
    expect(interval).toEqual({ held: 28.28, broken: 30.84 });
  });

  test('one failure by chance does not end the search: it is run again and outvoted', () => {
    let runs = 0;
    const { trials } = search((load) => {
      if (load === 20) return (runs += 1) === 1 ? 'broken' : 'held';
      return knee(31)(load);
    });
    const { capacity, mixed, outOfOrder } = searchResult(trials);
    expect(capacity).toBeGreaterThan(28);
    expect(mixed).toEqual([20]);
    expect(outOfOrder).toEqual([20]);
  });

  test('the last trial confirms what there is instead of refining it', () => {
    const { ending, trials } = search(knee(31), { maxTrials: 5 });
    expect(ending).toBe('trials');
    expect(trials.at(-1)).toMatchObject({ load: 28.28, step: 'confirm' });
    expect(searchResult(trials)).toMatchObject({
      capacity: 28.28,
      interval: { held: 28.28, broken: 40 },
    });
  });

  test('runs that only lean are longer the second time, and three that agree are an answer', () => {
    const lean = (load: number) => (load <= 31 ? 'leans to held' : 'leans to broken');
    const { ending, trials } = search(lean);
    expect(ending).toBe('resolved');
    expect(trials.map(({ length, load, step }) => `${step} ${load} x${length}`)).toEqual([
      'first 10 x1',
      'again 10 x2',
      'up 20 x1',
      'again 20 x2',
      'up 40 x1',
      'again 40 x2',
      'between 28.28 x1',
      'again 28.28 x2',
      'between 33.63 x1',
      'again 33.63 x2',
      'between 30.84 x1',
      'again 30.84 x2',
      'confirm 30.84 x1',
    ]);
    expect(searchResult(trials)).toMatchObject({
      capacity: 30.84,
      runs: 3,
      onlyLeans: true,
      interval: { held: 30.84, broken: 33.63 },
    });
  });

  test('two runs that only lean are no capacity', () => {
    const { trials } = search((load) => (load <= 31 ? 'leans to held' : 'broken'), {
      maxTrials: 5,
    });
    expect(trials.map(({ load, outcome }) => `${load} ${outcome}`)).toEqual([
      '10 open',
      '10 open',
      '20 open',
      '20 open',
      '20 open',
    ]);
    expect(searchResult(trials.slice(0, 4))).toMatchObject({ capacity: null, runs: 0 });
    expect(searchResult(trials)).toMatchObject({ capacity: 20, runs: 3, onlyLeans: true });
  });

  test('the last trial goes to the highest load that one run confirms', () => {
    const { trials } = search((load) => (load <= 15 ? 'held' : 'leans to held'), { maxTrials: 3 });
    expect(trials.map(({ load, step }) => `${step} ${load}`)).toEqual([
      'first 10',
      'up 20',
      'confirm 10',
    ]);
    expect(searchResult(trials)).toMatchObject({ capacity: 10, runs: 2, onlyLeans: false });
  });

  test('without any conclusive trial there is no answer', () => {
    const { ending, trials } = search(() => 'open', { maxTrials: 6 });
    expect(ending).toBe('trials');
    expect(searchResult(trials)).toMatchObject({
      capacity: null,
      interval: { held: null, broken: null },
    });
  });
});

describe('for any knee', () => {
  const settings = fc.record({
    start: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    resolution: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });

  test('a sharp one lies within the interval, which is as narrow as asked for', () => {
    fc.assert(
      fc.property(settings, fc.double({ min: -4, max: 4, noNaN: true }), (given, log10) => {
        const at = given.start * 10 ** log10;
        const { ending, trials } = search(knee(at), given);
        expect(ending).toBe('resolved');
        const { capacity, interval, runs } = searchResult(trials);
        expect(capacity).toBeLessThanOrEqual(at);
        expect(interval.broken).toBeGreaterThan(at);
        expect(interval.broken! / capacity!).toBeLessThanOrEqual(1 + given.resolution);
        expect(runs).toBe(2);
        expect(trials.filter(({ load }) => load === interval.broken)).toHaveLength(2);
      }),
    );
  });

  test('a sharp one between users is found exactly at the finest resolution', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 }), (start, at) => {
        const { trials } = search(knee(at), { start, whole: true, resolution: 0.01 });
        expect(searchResult(trials).interval).toEqual({ held: at, broken: at + 1 });
      }),
    );
  });

  /** Chance that a load holds, falling from 1 to 0 around the knee. */
  const noisy = (at: number, width: number, chance: () => number) => (load: number) => {
    const holds = 1 / (1 + (load / at) ** (1 / width));
    return chance() < holds ? ('held' as const) : ('broken' as const);
  };

  test('a noisy one: the claim held every time, twice at least, and the trials are bounded', () => {
    fc.assert(
      fc.property(
        settings,
        fc.double({ min: 0.005, max: 0.3, noNaN: true }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
        fc.integer({ min: 2, max: 30 }),
        (given, width, chances, maxTrials) => {
          const chance = (): number => chances.next().value;
          const { trials } = search(noisy(given.start * 3, width, chance), {
            ...given,
            maxTrials,
          });
          const { capacity, interval } = searchResult(trials);
          expect(trials.length).toBeLessThanOrEqual(maxTrials);
          expect(interval.broken ?? Infinity).toBeGreaterThan(interval.held ?? 0);
          const at = trials.filter(({ load }) => load === capacity);
          expect(at.every(({ outcome }) => outcome === 'held')).toBe(true);
          expect(capacity === null ? 2 : at.length).toBeGreaterThanOrEqual(2);
        },
      ),
    );
  });

  test('a noisy one is found where it is: 95 of 100 searches within half and twice the knee', () => {
    // Deterministic: a linear congruential generator (Numerical Recipes' constants).
    let state = 1;
    const chance = (): number => {
      state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
      return state / 2 ** 32;
    };
    let near = 0;
    for (let run = 0; run < 100; run += 1) {
      const { trials } = search(noisy(70, 0.08, chance), { maxTrials: 20 });
      const { capacity } = searchResult(trials);
      if (capacity !== null && capacity > 35 && capacity < 140) near += 1;
    }
    expect(near).toBeGreaterThanOrEqual(95);
  });
});
