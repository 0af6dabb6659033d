import { AgentInfraError, EXIT } from '../errors.ts';
import { DIFFERING } from '../loadtest/comparability.ts';
import type { Differing } from '../loadtest/comparability.ts';
import { compareRuns } from '../loadtest/compare.ts';
import type { Comparison } from '../loadtest/compare.ts';
import { parseRegressionLimit, USUAL_FIGURES } from '../loadtest/compare-figures.ts';
import type { RegressionLimit } from '../loadtest/compare-figures.ts';
import { readComparedRun } from '../loadtest/compare-run.ts';
import type { ComparedRun } from '../loadtest/compare-run.ts';
import { comparisonVerdict, renderComparisonText } from '../report/comparison-text.ts';
import { columnsOf, wantsColour } from '../system.ts';
import { asMarkdown, writeStepSummary } from './loadtest-output.ts';
import { toolVersion } from './tool-version.ts';

export interface CompareFlags {
  readonly baseline?: string | undefined;
  readonly candidate?: string | undefined;
  readonly maxRegression: readonly string[];
  readonly despite: readonly string[];
  readonly json?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

/** Compares two sides of runs and judges the gates. @returns the exit code */
export async function runCompare(
  named: readonly [string | undefined, string | undefined],
  flags: CompareFlags,
): Promise<number> {
  const limits = flags.maxRegression.map(regressionLimit);
  const accepted = flags.despite.map(acceptedDifference);
  const { baseline, candidate } = sides(named, flags);
  const wanted = [...USUAL_FIGURES, ...limits.map(({ figure }) => figure)];
  const figures = wanted.filter(
    ({ name }, index) => wanted.findIndex((each) => each.name === name) === index,
  );
  const read = async (paths: readonly string[]): Promise<ComparedRun[]> => {
    const runs: ComparedRun[] = [];
    // One after the other: a run's figures are small, its samples are not.
    for (const path of paths) runs.push(await readComparedRun(path, figures));
    return runs;
  };
  const comparison = compareRuns({
    toolVersion: toolVersion(),
    figures,
    baseline: await read(baseline),
    candidate: await read(candidate),
    limits,
    accepted,
  });
  print(comparison, flags);
  await writeStepSummary(asMarkdown(renderComparisonText(comparison)));
  return exitCode(comparison, flags);
}

function regressionLimit(text: string): RegressionLimit {
  const limit = parseRegressionLimit(text);
  if ('problem' in limit) throw usage(`--max-regression: ${limit.problem}`);
  return limit;
}

function acceptedDifference(text: string): Differing {
  const known = DIFFERING.find((each) => each === text);
  if (known !== undefined) return known;
  throw usage(`--despite: expected one of ${DIFFERING.join(', ')}, got "${text}"`);
}

function sides(
  [first, second]: readonly [string | undefined, string | undefined],
  flags: CompareFlags,
): { readonly baseline: readonly string[]; readonly candidate: readonly string[] } {
  const hasFlags = flags.baseline !== undefined || flags.candidate !== undefined;
  if (first !== undefined && hasFlags) {
    throw usage('give two runs, or --baseline and --candidate, not both');
  }
  const one = (path: string | undefined): string[] => (path === undefined ? [] : [path]);
  const baseline = hasFlags ? list(flags.baseline) : one(first);
  const candidate = hasFlags ? list(flags.candidate) : one(second);
  if (baseline.length === 0 || candidate.length === 0) {
    throw usage('give two runs to compare, or --baseline <runs> and --candidate <runs>');
  }
  return { baseline, candidate };
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function print(comparison: Comparison, flags: CompareFlags): void {
  const style = { colour: wantsColour(process.stdout), columns: columnsOf(process.stdout) };
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(comparison, undefined, 2)}\n`
      : renderComparisonText(comparison, style),
  );
  const open = comparison.gates.filter(({ status }) => status === 'inconclusive');
  if (open.length > 0) {
    const which = open.map(({ limit, reason }) => `${limit}: ${reason}`).join('; ');
    process.stderr.write(`WARNING: not decided, not passed: ${which}\n`);
  } else if (comparison.notComparable.length > 0) {
    process.stderr.write(`WARNING: ${comparisonVerdict(comparison)}\n`);
  }
}

/** Without a gate a comparison informs; it fails nothing. */
function exitCode({ gates, notComparable }: Comparison, flags: CompareFlags): number {
  if (gates.some(({ status }) => status === 'fail')) return EXIT.gateFailed;
  const isOpen = notComparable.length > 0 || gates.some(({ status }) => status === 'inconclusive');
  return isOpen && flags.strict === true ? EXIT.inconclusive : EXIT.pass;
}

function usage(message: string): AgentInfraError {
  return new AgentInfraError('usage.invalid', message);
}
