import { formatCount, formatDuration } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import type { ThresholdResult } from './judge.ts';
import type { Silence } from './silence.ts';
import type { Counters, LoadSummary, Verdict } from './summary.ts';
import { observedText, thresholdName } from './threshold-text.ts';
import type { Validity } from './validity.ts';

export interface VerdictEvidence {
  readonly complete: boolean;
  /** What an external engine found broken itself. */
  readonly engineFailures: readonly string[];
  readonly counters: Counters;
  readonly silence: Silence | null;
  readonly thresholds: readonly ThresholdResult[];
  readonly validity: Validity;
}

/**
 * The verdict of a run.
 *   fail          a threshold of severity `error` is broken (here or by the external engine's own
 *                 judgement), or calls were sent and none got an answer, or the target died
 *   inconclusive  otherwise, when a threshold of severity `error` could not be decided, the
 *                 generator was invalid, the run was interrupted, or nothing was measured
 *   pass          otherwise
 * `warn` thresholds never decide.
 */
export function decideVerdict(evidence: VerdictEvidence): Verdict {
  const { complete, counters, engineFailures, silence, thresholds, validity } = evidence;
  const binding = thresholds.filter(({ severity }) => severity === 'error');
  const describe = (result: ThresholdResult): string => {
    const { expr, observed, reason, unit } = result;
    const figure = observed === null ? '' : `${observedText(observed, unit)}, `;
    return `${thresholdName(result)} ${expr}: ${figure}${reason}`;
  };
  const failed = binding.filter(({ status }) => status === 'fail').map(describe);
  failed.push(...engineFailures);
  const answerless =
    counters.calls.completed === 0 && counters.calls.failed + counters.calls.truncated > 0;
  if (silence !== null) failed.push(deathText(silence));
  else if (answerless) failed.push('no call got a complete answer');
  if (failed.length > 0) return { status: 'fail', reasons: failed };
  const open = binding.filter(({ status }) => status === 'inconclusive').map(describe);
  if (validity.verdict === 'invalid') {
    open.unshift('the generator could not keep up: see validity');
  }
  if (!complete) open.unshift('the run did not end by itself');
  if (counters.calls.completed === 0) open.push('no call was completed: nothing was measured');
  return open.length > 0
    ? { status: 'inconclusive', reasons: open }
    : { status: 'pass', reasons: [] };
}

function deathText({ attempts, error, fromMs }: Silence): string {
  const rest = `attempts got no answer (${error})`;
  return fromMs === null
    ? `the target answered nothing: all ${formatCount(attempts)} ${rest}`
    : `the target stopped answering ${formatDuration(fromMs)} into the run: the last ${formatCount(attempts)} ${rest}`;
}

/**
 * Exit code of a run that was not interrupted. A broken threshold outranks a target that died;
 * inconclusive is a warning unless the caller is strict.
 */
export function verdictExit(
  { silence, thresholds, verdict }: Pick<LoadSummary, 'silence' | 'thresholds' | 'verdict'>,
  strict: 'strict' | 'lenient',
): number {
  switch (verdict.status) {
    case 'pass':
      return EXIT.pass;
    case 'fail': {
      const isBroken = thresholds.some(
        ({ severity, status }) => severity === 'error' && status === 'fail',
      );
      return silence !== null && !isBroken ? EXIT.refused : EXIT.gateFailed;
    }
    case 'inconclusive':
      return strict === 'strict' ? EXIT.inconclusive : EXIT.pass;
  }
}
