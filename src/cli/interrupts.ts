import type { RunHooks } from '../loadtest/run-builtin.ts';
import { onInterrupt } from '../system.ts';

export interface Interrupts extends Pick<RunHooks, 'onStart'> {
  /** What a second signal leaves behind, as a sentence. */
  readonly leaves: (sentence: string) => void;
  /** Where the notice goes: a mounted dashboard must not be written over. */
  readonly saysThrough: (say: (text: string) => void) => void;
  /** The signal that came; undefined when none did. */
  readonly seen: () => 'SIGINT' | 'SIGTERM' | undefined;
  /** Aborted by the signal: for waits between runs. */
  readonly signal: AbortSignal;
  readonly off: () => void;
}

/** Signals may come before a run has started, or between two runs: they are kept for it. */
export function interrupts(graceMs: number): Interrupts {
  let stop: Parameters<RunHooks['onStart']>[0] | undefined;
  let pending: 'SIGINT' | 'SIGTERM' | undefined;
  let note = (text: string): void => void process.stderr.write(`\n${text}\n`);
  let left: string | undefined;
  const between = new AbortController();
  const off = onInterrupt(
    (signal) => {
      note(`${signal}: running sessions have ${graceMs / 1000} s; again to quit at once`);
      pending = signal;
      between.abort();
      stop?.(signal, graceMs);
    },
    () => {
      if (left !== undefined) process.stderr.write(`\nStopped at once. ${left}\n`);
    },
  );
  return {
    off,
    signal: between.signal,
    seen: () => pending,
    leaves: (sentence) => {
      left = sentence;
    },
    saysThrough: (say) => {
      note = say;
    },
    onStart: (stopRun) => {
      stop = stopRun;
      if (pending !== undefined) stopRun(pending, graceMs);
    },
  };
}
