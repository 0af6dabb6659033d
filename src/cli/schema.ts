import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addSchemaCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('schema').action(() => setExitCode(2));
}
