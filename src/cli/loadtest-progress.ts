import type { Progress } from '../loadtest/progress.ts';
import { renderProgressLine } from '../report/loadtest-progress.ts';
import { isInteractive, wantsColour } from '../system.ts';

export type DashboardKind = 'auto' | 'tui' | 'lines' | 'none';

export interface ProgressDisplay {
  /** How often it wants to be told. */
  readonly everyMs: number;
  readonly show: (progress: Progress) => void;
  /** Says something once. */
  readonly note: (text: string) => void;
  readonly close: () => void;
}

/** Logs get a line this often: enough to see life, few enough to read. */
const LINE_INTERVAL_MS = 10_000;

/** Three frames a second: the dashboard stays under a tenth of a core. */
const FRAME_INTERVAL_MS = 333;

/** What a run shows on stderr: a dashboard for people, lines for logs, or nothing. */
export async function showProgress(kind: DashboardKind, name: string): Promise<ProgressDisplay> {
  const chosen = kind === 'auto' ? (isInteractive(process.stderr) ? 'tui' : 'lines') : kind;
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  switch (chosen) {
    case 'none':
      return { everyMs: LINE_INTERVAL_MS, show: () => {}, note, close: () => {} };
    case 'lines':
      return {
        everyMs: LINE_INTERVAL_MS,
        show: (progress) => process.stderr.write(`${renderProgressLine(progress)}\n`),
        note,
        close: () => {},
      };
    case 'tui': {
      const { mountLoadDashboard } = await import('../tui/mount-load-dashboard.tsx');
      const dashboard = mountLoadDashboard({
        name,
        output: process.stderr,
        colour: wantsColour(process.stderr),
      });
      return { everyMs: FRAME_INTERVAL_MS, ...dashboard };
    }
  }
}
