import type { ThresholdResult } from './judge.ts';
import type { Counters, Verdict } from './summary.ts';
import { EXIT } from '../errors.ts';
import type { Validity } from './validity.ts';

export interface VerdictEvidence {
  readonly complete: boolean;
  /** What an external engine found broken itself. */
  readonly engineFailures: readonly string[];
  readonly counters: Counters;
  readonly thresholds: readonly ThresholdResult[];
  readonly validity: Validity;
}

/**
 * The verdict of a run.
 *   fail          a threshold of severity `error` is broken (here or by the external engine's own
 *                 judgement), or calls were sent and none got an answer
 *   inconclusive  otherwise, when a threshold of severity `error` could not be decided, the
 *                 generator was invalid, the run was interrupted, or nothing was measured
 *   pass          otherwise
 * `warn` thresholds never decide.
 */
export function decideVerdict(evidence: VerdictEvidence): Verdict {
  const { complete, counters, engineFailures, thresholds, validity } = evidence;
  const binding = thresholds.filter(({ severity }) => severity === 'error');
  const describe = ({ metric, expr, reason }: ThresholdResult): string =>
    `${metric} ${expr}: ${reason}`;
  const failed = binding.filter(({ status }) => status === 'fail').map(describe);
  failed.push(...engineFailures);
  if (counters.calls.completed === 0 && counters.calls.failed + counters.calls.truncated > 0) {
    failed.push('no call got a complete answer');
  }
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

/** Exit code of a verdict. Inconclusive is a warning unless the caller is strict. */
export function verdictExit(status: Verdict['status'], strict: 'strict' | 'lenient'): number {
  switch (status) {
    case 'pass':
      return EXIT.pass;
    case 'fail':
      return EXIT.gateFailed;
    case 'inconclusive':
      return strict === 'strict' ? EXIT.inconclusive : EXIT.pass;
  }
}
