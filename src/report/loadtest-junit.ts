import type { LoadSummary } from '../loadtest/summary.ts';
import { observedText, thresholdName } from '../loadtest/threshold-text.ts';

/**
 * JUnit XML in the shape that Jenkins' strict schema accepts: a case per threshold, and one for
 * the run itself. An inconclusive threshold is skipped, or an error when the caller is strict.
 */
export function renderLoadJunit(summary: LoadSummary, strict: 'strict' | 'lenient'): string {
  const { run, thresholds, validity, verdict } = summary;
  const cases = [
    {
      name: 'run',
      classname: 'checks.run',
      status:
        verdict.status === 'fail' && thresholds.every(({ status }) => status !== 'fail')
          ? ('fail' as const)
          : validity.verdict === 'invalid' || !summary.complete
            ? ('inconclusive' as const)
            : ('pass' as const),
      message: [...verdict.reasons, ...validity.reasons].join('; '),
    },
    ...thresholds
      .filter(({ severity }) => severity === 'error')
      .map((result) => ({
        name: `${thresholdName(result)} ${result.expr}`,
        classname: `thresholds.${result.metric}`,
        status: result.status,
        message: `observed ${observedText(result.observed, result.unit)}: ${result.reason}`,
      })),
  ];
  const count = (status: string): number => cases.filter((one) => one.status === status).length;
  const open = count('inconclusive');
  const errors = strict === 'strict' ? open : 0;
  const skipped = strict === 'strict' ? 0 : open;
  const seconds = (run.durationMs / 1000).toFixed(3);
  const totals = `tests="${cases.length}" failures="${count('fail')}" errors="${errors}"`;
  const body = cases.map(({ classname, message, name, status }) => {
    const head = `    <testcase name="${xml(name)}" classname="${xml(classname)}" time="0"`;
    if (status === 'pass') return `${head}/>`;
    const undecided = strict === 'strict' ? 'error' : 'skipped';
    return `${head}>\n      <${status === 'fail' ? 'failure' : undecided} message="${xml(message)}"/>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="agent-infra" ${totals} time="${seconds}">`,
    `  <testsuite name="${xml(run.scenario)}" ${totals} skipped="${skipped}" time="${seconds}" timestamp="${run.startedAt.slice(0, 19)}">`,
    ...body,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Escaped for an attribute, without the characters XML 1.0 forbids. */
function xml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- control characters are what is removed
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll(/[\n\r\t]/g, ' ')
  );
}
