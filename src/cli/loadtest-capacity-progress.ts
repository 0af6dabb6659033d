import type { Progress } from '../loadtest/progress.ts';
import { renderProgressLine } from '../report/loadtest-progress.ts';
import { isInteractive } from '../system.ts';

export type TrialDisplayKind = 'auto' | 'lines' | 'none';

export interface TrialDisplay {
  /** How often it wants to be told. */
  readonly everyMs: number;
  /** What the current trial is: `trial 4, between: 14.1 sessions/s`. */
  readonly begin: (title: string) => void;
  /** Nothing is sent for a while: shown on a terminal only. */
  readonly wait: (text: string) => void;
  readonly show: (progress: Progress) => void;
  /** A line that stays, unless nothing is to be shown. */
  readonly result: (text: string) => void;
  /** Says something in any case. */
  readonly note: (text: string) => void;
  readonly close: () => void;
}

/** Redraws of the one line on a terminal, in ms; and lines of a log. */
const REDRAW_MS = 500;
const LINE_MS = 10_000;

/** The live line of a capacity search: redrawn on a terminal, every 10 s in a log. */
export function trialDisplay(kind: TrialDisplayKind, stream: NodeJS.WriteStream): TrialDisplay {
  const redraws = kind === 'auto' && isInteractive(stream);
  let title = '';
  let isDrawn = false;
  const clear = (): void => {
    if (isDrawn) stream.write('\r\u001B[K');
    isDrawn = false;
  };
  const draw = (text: string): void => {
    clear();
    // A line that wraps could not be taken back.
    stream.write(text.slice(0, (stream.columns > 0 ? stream.columns : 80) - 1));
    isDrawn = true;
  };
  const say = (text: string): void => {
    clear();
    stream.write(`${text}\n`);
  };
  return {
    everyMs: redraws ? REDRAW_MS : LINE_MS,
    begin: (next) => {
      title = next;
    },
    wait: (text) => {
      if (redraws) draw(text);
    },
    show: (progress) => {
      const text = `${title} · ${renderProgressLine(progress)}`;
      if (redraws) draw(text);
      else if (kind !== 'none') stream.write(`${text}\n`);
    },
    result: (text) => {
      if (kind !== 'none') say(text);
    },
    note: say,
    close: clear,
  };
}
