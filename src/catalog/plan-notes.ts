import type { Assumption, Source } from '../capacity/plan-input.ts';

/** Collects what was assumed and where numbers come from. */
export class Notes {
  readonly assumptions: Assumption[] = [];
  readonly sources: Source[] = [];

  /** Uses a default and says so. */
  take<T>(key: string, value: T, text: string, why: string): T {
    this.say(key, text, why);
    return value;
  }

  say(key: string, value: string, why: string): void {
    this.assumptions.push({ key, value, why });
  }
}

/** A number the plan's author gave. */
export function givenSource(of: string): Source {
  return { of, page: 'the plan', date: '', basis: 'given' };
}
