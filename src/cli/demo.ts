import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addDemoCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('demo').action(() => setExitCode(2));
}
