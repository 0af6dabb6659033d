import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';

import { asError } from '../errors.ts';
import { interpolate } from './interpolate.ts';
import { nearest } from './nearest.ts';
import { ConfigError } from './problem.ts';
import type { ConfigProblem } from './problem.ts';

/** Larger documents take seconds to parse (4.6 MB: 5 s), so they are refused unread. */
export const DEFAULT_LIMIT_BYTES = 1024 * 1024;

/** 99 aliases of a large list still expand to megabytes; real documents need a handful. */
const MAX_ALIASES = 20;

/** One slip of indentation, or a file that is no YAML, breaks every line after it. */
const MOST_SYNTAX_ERRORS = 5;

export interface YamlSource {
  /** Name for messages. */
  readonly file: string;
  readonly text: string;
  /** Values for `${NAME}`; without it, interpolation is off. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly limitBytes?: number | undefined;
}

/** Parses, interpolates and checks one YAML document; throws a ConfigError with every problem. */
export function parseYaml<S extends z.ZodType>(schema: S, source: YamlSource): z.output<S> {
  const { file, text } = source;
  const limit = source.limitBytes ?? DEFAULT_LIMIT_BYTES;
  if (Buffer.byteLength(text) > limit) {
    const message = `the document is larger than ${limit / 1024} KiB`;
    throw new ConfigError(
      [{ file, line: 1, column: 1, path: '', message }],
      'Keep bulk data (traces, samples) in JSON Lines files and refer to them.',
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = (offset: number, path: string, message: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), path, message };
  };
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    const told = syntax.slice(0, MOST_SYNTAX_ERRORS);
    const left = syntax.length - told.length;
    throw new ConfigError(
      told.map((error) => problem(error.pos[0], '', error.message)),
      left === 0 ? undefined : `${left} more follow; mostly they come from the first.`,
    );
  }
  if (source.env !== undefined) interpolateScalars(document, source.env, problem);
  const value = toValue(document, problem);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = toldIssues(result.error.issues, value).flatMap((issue) =>
    problemsOfIssue(document, value, issue, problem),
  );
  throw new ConfigError(problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
}

type MakeProblem = (offset: number, path: string, message: string) => ConfigProblem;

function interpolateScalars(
  document: Document.Parsed,
  env: Readonly<Record<string, string | undefined>>,
  problem: MakeProblem,
): void {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('$')) return;
      const result = interpolate(node.value, env);
      if ('error' in result) problems.push(problem(node.range?.[0] ?? 0, '', result.error));
      else node.value = result.text;
    },
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

function toValue(document: Document.Parsed, problem: MakeProblem): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (thrown) {
    // Alias bombs end in a ReferenceError, not in a YAML error.
    throw new ConfigError([problem(0, '', asError(thrown).message)]);
  }
}

/** A document of another kind has one problem: all other differences follow from it. */
function toldIssues(issues: readonly z.core.$ZodIssue[], value: unknown): z.core.$ZodIssue[] {
  const kind = at(value, ['kind']);
  const other = issues.find(({ path }) => path.length === 1 && path[0] === 'kind');
  if (other === undefined || typeof kind !== 'string') return [...issues];
  return [{ ...other, message: `${other.message}, this is kind: ${kind}` }];
}

function problemsOfIssue(
  document: Document.Parsed,
  value: unknown,
  issue: z.core.$ZodIssue,
  problem: MakeProblem,
): ConfigProblem[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') {
    const missing = issue.path.length > 0 && at(value, path) === undefined;
    const told = plainMessage(issue);
    const message = missing ? `missing (${lowerFirst(told)})` : told;
    return [problem(offsetOf(document, path, 'value'), path.join('.'), message)];
  }
  const known = 'known' in issue ? (issue['known'] as readonly string[]) : [];
  return issue.keys.map((key) => {
    const keyPath = [...path, key];
    const guess = nearest(key, known);
    const message = `unknown key${guess === undefined ? '' : `, did you mean "${guess}"?`}`;
    return problem(offsetOf(document, keyPath, 'key'), keyPath.join('.'), message);
  });
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** zod's own words for a wrong type are those of a programmer. */
function plainMessage(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input')) {
    return issue.message;
  }
  return `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
}

function at(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[step];
  }
  return current;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Start of the deepest node on the path that exists; a missing key reports its parent. */
function offsetOf(
  document: Document.Parsed,
  path: readonly string[],
  want: 'key' | 'value',
): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === step);
      if (pair === undefined) return offset;
      offset = start(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
    }
    if (want === 'value' || depth < path.length - 1) offset = start(node) ?? offset;
  }
  return offset;
}

function start(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
