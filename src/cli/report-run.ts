import { formatCount } from '../core/units.ts';
import { RunFold } from '../loadtest/fold.ts';
import { readSamples, samplesIn } from '../loadtest/samples-file.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { RunChartFold } from '../report/charts-run.ts';
import { renderLoadtestHtml } from '../report/html-loadtest.ts';
import { renderLoadJunit } from '../report/loadtest-junit.ts';
import { renderLoadMarkdown } from '../report/loadtest-markdown.ts';
import { renderLoadText } from '../report/loadtest-text.ts';
import { wantsColour } from '../system.ts';
import { isCapacityFolder, renderCapacityFolder } from './report-capacity.ts';

export interface ReportFlags {
  readonly format: 'text' | 'json' | 'markdown' | 'junit' | 'html';
  readonly strict?: boolean | undefined;
}

/** Folds a run's samples again and prints the report. */
export async function runReport(run: string, flags: ReportFlags): Promise<void> {
  process.stdout.write(await renderRun(run, flags));
}

/** The report of a run's folder (or samples file) in one format, from its samples alone. */
export async function renderRun(run: string, flags: ReportFlags): Promise<string> {
  if (isCapacityFolder(run)) return renderCapacityFolder(run, flags.format);
  const file = samplesIn(run);
  const fold = new RunFold();
  const charts = new RunChartFold();
  const { broken } = await readSamples(file, (sample) => {
    fold.add(sample);
    if (flags.format === 'html') charts.add(sample);
  });
  if (broken > 0) {
    const lines =
      broken === 1 ? '1 unreadable line was' : `${formatCount(broken)} unreadable lines were`;
    process.stderr.write(`${lines} left out of ${file}\n`);
  }
  return render(fold.summary(), charts, flags);
}

function render(summary: LoadSummary, charts: RunChartFold, flags: ReportFlags): string {
  const { format, strict } = flags;
  switch (format) {
    case 'json':
      return `${JSON.stringify(summary, undefined, 2)}\n`;
    case 'markdown':
      return renderLoadMarkdown(summary);
    case 'junit':
      return renderLoadJunit(summary, strict === true ? 'strict' : 'lenient');
    case 'html':
      return renderLoadtestHtml({ summary, charts: charts.view() });
    case 'text':
      return renderLoadText(summary, { colour: wantsColour(process.stdout) });
  }
}
