import { readFileSync } from 'node:fs';

import { Command, CommanderError } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';

import { AgentInfraError, EXIT, fileReason } from '../errors.ts';
import { setColour } from '../system.ts';
import { addCatalogCommand } from './catalog.ts';
import { addCompleteCommand } from './complete.ts';
import { addDemoCommand } from './demo.ts';
import { addDoctorCommand } from './doctor.ts';
import { addGatewayCommand } from './gateway.ts';
import { addInitCommand } from './init.ts';
import { addLoadtestCommand } from './loadtest.ts';
import { addPlanCommand } from './plan.ts';
import { addProfileCommand } from './profile.ts';
import { addProviderCommand } from './provider.ts';
import { addReportCommand } from './report.ts';
import { addSchemaCommand } from './schema.ts';

/**
 * The command line. Command files import only commander at load; everything else is imported
 * inside their actions, so that `--help` stays fast.
 * @returns the exit code; nothing in the program calls process.exit on the normal path
 */
export async function main(argv: readonly string[]): Promise<number> {
  const output = watchedOutput();
  let exitCode: number = EXIT.pass;
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('agent-infra')
    .description('Capacity planning and load testing for AI-agent infrastructure')
    .version(version())
    // For the help only: main takes them out of the arguments of every command.
    .option('--color', 'colours even when the output is no terminal')
    .option('--no-color', 'no colours; all commands take both, and NO_COLOR and FORCE_COLOR')
    // commander prints errors itself before throwing; ours go through report() below.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    // Commands with commands of their own (profile show, plan gpu) keep their options apart.
    .enablePositionalOptions();
  addDemoCommand(program, setExitCode);
  addInitCommand(program, setExitCode);
  addProfileCommand(program, setExitCode);
  addPlanCommand(program, setExitCode);
  addLoadtestCommand(program, setExitCode);
  addGatewayCommand(program, setExitCode);
  addProviderCommand(program, setExitCode);
  addReportCommand(program, setExitCode);
  addCatalogCommand(program, setExitCode);
  addSchemaCommand(program, setExitCode);
  addDoctorCommand(program, setExitCode);
  addCompleteCommand(program, setExitCode);
  program.addHelpText('after', EXAMPLES);
  try {
    const words = withoutColour(argv);
    await program.parseAsync(askable(words, program), { from: 'user' });
    return output.failed ? EXIT.usage : exitCode;
  } catch (error) {
    return report(error, commandPath(argv, program));
  }
}

interface Output {
  failed: boolean;
}

let watched: Output | undefined;

/** `agent-infra … | head` closes our stdout early: that is not an error. A full disk behind it is. */
function watchedOutput(): Output {
  if (watched !== undefined) return watched;
  const output: Output = { failed: false };
  watched = output;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    console.error(`error [output.unwritable]: standard output: ${fileReason(error)}`);
    // Set twice: this may come before main returns, or after it.
    output.failed = true;
    process.exitCode = EXIT.usage;
  });
  return output;
}

const COLOURS: Readonly<Record<string, boolean>> = {
  '--color': true,
  '--colour': true,
  '--no-color': false,
  '--no-colour': false,
};

/** Colour flags hold for every command, wherever they stand before `--`; both spellings do. */
function withoutColour(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.filter((word, index) => {
    const wanted = end !== -1 && index > end ? undefined : COLOURS[word];
    if (wanted !== undefined) setColour(wanted);
    return wanted === undefined;
  });
}

/** commander answers `help typo` and `typo --help` with the help of the program: no such command. */
function askable(words: string[], program: Command): string[] {
  const asked = words[0] === 'help' ? words.slice(1) : words;
  const [name] = asked;
  if (name === undefined || name.startsWith('-') || name === 'help') return words;
  return isCommandOf(program, name) ? words : [name];
}

/** The commands that were named, for hints: `plan check`. */
function commandPath(argv: readonly string[], program: Command): string {
  let command = program as unknown as CommandUnknownOpts;
  const path = ['agent-infra'];
  for (const word of argv) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    path.push(word);
    command = next;
  }
  return path.join(' ');
}

function isCommandOf(program: Command, name: string): boolean {
  return program.commands.some((command) => command.name() === name);
}

const EXAMPLES = `
Examples:
  agent-infra demo                                 the whole loop on one laptop, no keys
  agent-infra profile trace.jsonl -o profile.yaml  measure a workload
  agent-infra plan plan.yaml                       limits, cost and stages at 1x, 3x, 10x
  agent-infra loadtest scenario.yaml               replay it against a target
`;

function version(): string {
  const url = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
}

function report(error: unknown, command: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.pass; // --help, --version
    if (error.code !== 'commander.help') {
      console.error(error.message);
      console.error(`hint: see ${command} --help`);
    }
    return EXIT.usage;
  }
  if (error instanceof AgentInfraError) {
    console.error(`error [${error.code}]: ${error.message}`);
    if (error.hint !== undefined) console.error(`hint: ${error.hint}`);
    return error.exitCode;
  }
  console.error(error); // a bug keeps its stack
  console.error('This is a bug in agent-infra; please report it with the lines above.');
  return EXIT.internal;
}
