import type { ScalePlan } from '../capacity/plan.ts';
import type { Paint } from './text.ts';

/** What a plan's verdict on a scale is called, and its colour in a terminal. */
export const PLAN_VERDICTS: Readonly<
  Record<ScalePlan['verdict'], { readonly paint: Paint; readonly text: string }>
> = {
  fits: { paint: 'green', text: 'fits' },
  tight: { paint: 'yellow', text: 'fits, tight' },
  bursts: { paint: 'yellow', text: 'bursts over' },
  exceeds: { paint: 'red', text: 'does not fit' },
  unservable: { paint: 'red', text: 'unservable' },
  unknown: { paint: 'yellow', text: 'unknown' },
};
