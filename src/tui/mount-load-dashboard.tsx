import { render } from 'ink';

import type { Progress } from '../loadtest/progress.ts';
import { LoadDashboard } from './load-dashboard.tsx';
import { loadView } from './load-view.ts';

export interface DashboardOptions {
  readonly name: string;
  /** stderr: stdout is for the report. */
  readonly output: NodeJS.WriteStream;
  readonly colour: boolean;
}

export interface MountedDashboard {
  readonly show: (progress: Progress) => void;
  /** Replaces the hint beside the clock: nothing else may write to the terminal meanwhile. */
  readonly note: (text: string) => void;
  readonly close: () => void;
}

/** ink draws no more often than this, whatever it is told. */
const MOST_FRAMES_PER_S = 4;

/** Puts the dashboard on the terminal; each `show` is a frame. The last frame stays when it closes. */
export function mountLoadDashboard({ colour, name, output }: DashboardOptions): MountedDashboard {
  let instance: ReturnType<typeof render> | undefined;
  let noted: string | undefined;
  let latest: Progress | undefined;
  const show = (progress: Progress): void => {
    latest = progress;
    const columns = output.columns || 80;
    const rows = output.rows || 24;
    const frame = (
      <LoadDashboard
        view={loadView(name, progress, { columns, rows }, noted)}
        columns={columns}
        colour={colour}
      />
    );
    if (instance === undefined) {
      // Our own handler ends the run and writes the partial report; ink must not exit before.
      instance = render(frame, {
        stdout: output,
        exitOnCtrlC: false,
        patchConsole: false,
        maxFps: MOST_FRAMES_PER_S,
      });
    } else {
      instance.rerender(frame);
    }
  };
  return {
    show,
    note: (text) => {
      noted = text;
      if (latest === undefined) output.write(`${text}\n`);
      else show(latest);
    },
    close: () => instance?.unmount(),
  };
}
