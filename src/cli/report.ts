import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addReportCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('report').action(() => setExitCode(2));
}
