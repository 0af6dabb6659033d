import { spawn } from 'node:child_process';

import { AgentInfraError } from '../errors.ts';

/** How a command ended, as shells report it: 128 + signal number when a signal ended it. */
export interface CommandEnd {
  readonly exitCode: number;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGTERM: 15,
};

/**
 * Runs a command in our place: it has our terminal, and interrupts are its to handle. Ctrl-C
 * reaches it by itself (same process group); SIGTERM to us is passed on.
 * @throws AgentInfraError usage.invalid when it cannot be started
 */
export function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandEnd> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    const keepOn = (): void => {};
    const passOn = (): void => void child.kill('SIGTERM');
    process.on('SIGINT', keepOn);
    process.on('SIGTERM', passOn);
    const release = (): void => {
      process.off('SIGINT', keepOn);
      process.off('SIGTERM', passOn);
    };
    child.on('error', (cause: NodeJS.ErrnoException) => {
      release();
      const reason = cause.code === 'ENOENT' ? 'there is no such program' : cause.message;
      reject(
        new AgentInfraError('usage.invalid', `cannot run ${program}: ${reason}`, {
          cause,
          hint: 'Write the command after two dashes: agent-infra profile record -- node agent.js',
        }),
      );
    });
    child.on('close', (code, signal) => {
      release();
      resolve({ exitCode: code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0) });
    });
  });
}
