import { AgentInfraError } from '../errors.ts';
import { isObject, parseJson, parseJsonPrefix } from './json-value.ts';
import { readers, type TraceFormat } from './readers.ts';
import type { Sample } from './trace-reader.ts';

/** How much of a file is looked at to tell its format. */
export const HEAD_BYTES = 64 * 1024;

/** What the first bytes of a file are, before any format is asked. */
export type Head = Sample | { readonly kind: 'empty' } | { readonly kind: 'binary' };

/**
 * @param complete whether `head` is the whole file
 */
export function sampleOf(head: Buffer, complete: boolean): Head {
  if (isBinary(head)) return { kind: 'binary' };
  const text = head.toString('utf8').replace(/^\uFEFF/, '');
  const start = text.search(/\S/);
  if (start === -1) return { kind: complete ? 'empty' : 'binary' };
  return isJson(text, text[start]!)
    ? jsonSample(text, complete)
    : { kind: 'csv', header: csvHeader(text) };
}

/** Begins like JSON, or has an object on one of its first lines (the first may be damaged); not one whose quotes are doubled, as in a CSV field. */
function isJson(text: string, first: string): boolean {
  if (first === '{' || first === '[') return true;
  return text.split('\n', SAMPLE_LINES).some((line) => /^\s*\{"(?!")/.test(line));
}

/** The one format whose reader accepts the sample. Throws trace.unknown-format with every reader's reason. */
export function sniff(name: string, sample: Sample): TraceFormat {
  const reasons = new Map<TraceFormat, string>();
  const matching: TraceFormat[] = [];
  for (const format of Object.keys(readers) as TraceFormat[]) {
    const why = readers[format].mismatch(sample, name);
    if (why === undefined) matching.push(format);
    else reasons.set(format, why);
  }
  if (matching.length === 1) return matching[0]!;
  if (matching.length > 1) {
    throw new AgentInfraError(
      'trace.unknown-format',
      `${name} could be ${matching.join(' or ')}: more than one reader accepts it`,
      { hint: `Say which with --format ${matching[0]!}.` },
    );
  }
  const tried = triedText(reasons);
  throw new AgentInfraError(
    'trace.unknown-format',
    `no reader recognises ${name} (${describe(sample)}); tried:\n${tried}`,
    { hint: hintFor(sample) },
  );
}

/** Files of our own are often given in place of the traces that they were made of. */
function hintFor(sample: Sample): string {
  if (sample.kind === 'csv' && sample.header[0]?.includes('workload-profile.schema.json')) {
    return 'This is a stored profile: see it with agent-infra profile show.';
  }
  const first = sample.kind === 'json' ? sample.records[0] : undefined;
  if (isObject(first) && first['schema'] === 'agent-infra/profile-shard') {
    return 'This is a profile shard: agent-infra profile merge makes a profile of it.';
  }
  return 'Name the format with --format if the file is damaged at its beginning.';
}

/** A line per reason: two dozen readers that say "not JSON" are one line. */
function triedText(reasons: ReadonlyMap<TraceFormat, string>): string {
  const byReason = new Map<string, TraceFormat[]>();
  for (const [format, why] of reasons) byReason.set(why, [...(byReason.get(why) ?? []), format]);
  return [...byReason].map(([why, formats]) => `  ${formats.join(', ')}: ${why}`).join('\n');
}

function describe(sample: Sample): string {
  if (sample.kind === 'csv') return 'text, not JSON';
  return sample.framing === 'lines' ? 'JSON lines' : 'a JSON document';
}

function jsonSample(text: string, complete: boolean): Sample {
  const document = complete ? longDocument(text) : undefined;
  if (document !== undefined) return document;
  const lines = text.split('\n');
  // Without its line end the last line may be cut off.
  const cut = complete ? '' : lines.pop()!;
  const whole = lines.filter((line) => line.trim() !== '').slice(0, SAMPLE_LINES);
  const values = whole.map(parseJson);
  const oneLine = whole.length === 0 || (whole.length === 1 && cut.trim() === '');
  const objects = values.filter(isObject).length;
  // The first line of a pretty-printed document is a lone bracket; of JSON lines, a value.
  if (!oneLine && (values[0] !== undefined || objects * 2 >= values.length)) {
    return { kind: 'json', framing: 'lines', records: [...values, parseJsonPrefix(cut)] };
  }
  const root = values[0] ?? parseJsonPrefix(text);
  if (Array.isArray(root)) {
    return { kind: 'json', framing: 'document', records: root as readonly unknown[] };
  }
  // One line that is an object: a document of one line and JSON lines of one record are the same.
  return { kind: 'json', framing: oneLine ? 'lines' : 'document', records: [root] };
}

/**
 * The whole text as one value, over several lines: JSON lines never are one. Stores of many small
 * documents are read with one attempt each this way, instead of one per line.
 */
function longDocument(text: string): Sample | undefined {
  if (!text.trim().includes('\n')) return undefined;
  const root = parseJson(text);
  if (root === undefined) return undefined;
  const records = Array.isArray(root) ? (root as readonly unknown[]) : [root];
  return { kind: 'json', framing: 'document', records };
}

function csvHeader(text: string): readonly string[] {
  const end = text.indexOf('\n');
  return (end === -1 ? text : text.slice(0, end)).trim().split(',');
}

/** A NUL byte, or more than a tenth control characters: not text in any encoding we read. */
function isBinary(head: Buffer): boolean {
  let control = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) control += 1;
  }
  return control * 10 > head.length;
}

const SAMPLE_LINES = 64;
