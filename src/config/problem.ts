import { AgentInfraError } from '../errors.ts';

/** One thing wrong with a document, with its place. Line and column count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the key, empty for syntax errors. */
  readonly path: string;
  readonly message: string;
}

/** All problems of one document at once; the message has a line for each. */
export class ConfigError extends AgentInfraError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], hint?: string) {
    super(
      'config.invalid',
      problems.map(formatProblem).join('\n'),
      hint === undefined ? {} : { hint },
    );
    this.problems = problems;
  }
}

function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`;
}
