/**
 * The one error class of agent-infra and its table of codes.
 *
 * Errors are decorated where the knowledge is and printed once, in cli/main.ts.
 * Anything that is not an AgentInfraError is a bug: it keeps its stack and exits with 1.
 */

/** Exit codes of the process, as documented in docs/errors.md. */
export const EXIT = {
  pass: 0,
  internal: 1,
  usage: 2,
  refused: 3,
  missingDependency: 4,
  inconclusive: 5,
  gateFailed: 99,
  interrupted: 130,
  terminated: 143,
} as const;

/** Every error code with its exit code and meaning. docs/errors.md is compared with this table. */
export const ERRORS = {
  'usage.invalid': { exitCode: EXIT.usage, meaning: 'A command-line argument is wrong.' },
  'config.invalid': { exitCode: EXIT.usage, meaning: 'A YAML document does not fit its schema.' },
  'config.unreadable': { exitCode: EXIT.usage, meaning: 'A document cannot be read from disk.' },
  'catalog.unknown': {
    exitCode: EXIT.usage,
    meaning: 'A provider, model, tier, GPU or price is not in the catalog.',
  },
  'trace.unreadable': { exitCode: EXIT.usage, meaning: 'A trace file cannot be opened or read.' },
  'trace.unknown-format': {
    exitCode: EXIT.usage,
    meaning: 'No reader recognises the trace; the message lists what was tried.',
  },
  'trace.empty': { exitCode: EXIT.usage, meaning: 'Nothing usable is left in the trace.' },
  'workload.insufficient': {
    exitCode: EXIT.usage,
    meaning: 'The workload lacks what the command needs (for example sessions to replay).',
  },
  'target.refused': {
    exitCode: EXIT.refused,
    meaning: 'The target is not allowed: loopback only, or named with --allow-target.',
  },
  'target.unreachable': { exitCode: EXIT.refused, meaning: 'The target does not answer.' },
  'listen.failed': { exitCode: EXIT.refused, meaning: 'A server cannot listen on its address.' },
  'dependency.missing': {
    exitCode: EXIT.missingDependency,
    meaning: 'An external program or optional package is missing (for example k6).',
  },
  'dependency.failed': {
    exitCode: EXIT.internal,
    meaning: 'An external program ended in a way that has no result.',
  },
  'output.unwritable': { exitCode: EXIT.usage, meaning: 'A result cannot be written to disk.' },
  'run.inconclusive': {
    exitCode: EXIT.inconclusive,
    meaning:
      'The run cannot be believed (under --strict): too short, or the generator was saturated.',
  },
  'gate.failed': { exitCode: EXIT.gateFailed, meaning: 'A threshold or gate failed.' },
} as const satisfies Record<string, { exitCode: number; meaning: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What the user can do about it, as one or two sentences. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error that a user can act on: a stable code, a hint, and the process exit code. */
export class AgentInfraError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AgentInfraError';
    this.code = code;
    this.hint = details.hint;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }
}

/** What the operating system's codes for failed file operations mean to a reader. */
const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EEXIST: 'is a file, not a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
};

/** Why a file operation failed, in plain words; the system's message for a code not known here. */
export function fileReason(thrown: unknown): string {
  const error: NodeJS.ErrnoException = asError(thrown);
  return FILE_REASONS[error.code ?? ''] ?? error.message;
}

/** What a file that cannot be written is to the user: `output.unwritable`, with its reason. */
export function unwritableFile(file: string, thrown: unknown, hint?: string): AgentInfraError {
  const cause = asError(thrown);
  const message = `${file}: ${fileReason(thrown)}`;
  return new AgentInfraError('output.unwritable', message, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Narrows whatever was thrown to an Error, keeping the original as cause. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
