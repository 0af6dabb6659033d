import { z } from 'zod';

import type { SessionSkeleton } from '../core/trace.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { API_VERSION, header, readText, writeYaml } from './document.ts';
import { ConfigError } from './problem.ts';
import { sessionSkeleton } from './session-skeleton.ts';
import { workloadFields } from './workload-fields.ts';
import { parseYaml } from './yaml.ts';

/**
 * Profiles carry sessions, so they may be larger than other documents. The sessions are one block
 * scalar, which YAML parses at the speed of reading; everything else stays small.
 */
export const PROFILE_LIMIT_BYTES = 64 * 1024 * 1024;

/** Where a document says what it is, comments before it included. */
const HEADER_CHARACTERS = 16_384;

/** The document as written: sessions as JSON lines in a block scalar. */
export const workloadProfileSchema = z.object({
  ...header('WorkloadProfile'),
  ...workloadFields,
  skeletons: z
    .string({ error: 'expected a block scalar with one session per line (JSON)' })
    .default('')
    .meta({ description: 'Sessions to replay: one JSON object per line, no content' }),
});

/**
 * Reads a workload profile from YAML. Unknown keys are kept out, as profiles of newer versions may
 * have more of them. Throws ConfigError with every problem and its place.
 */
export async function loadWorkloadProfile(file: string): Promise<WorkloadProfile> {
  return parseWorkloadProfile(await readText(file), file);
}

/** @param file name for messages */
export function parseWorkloadProfile(text: string, file: string): WorkloadProfile {
  // A trace in its place would be read as YAML for minutes, to no good.
  if (!/\b(?:apiVersion|kind)["']?\s*:/.test(text.slice(0, HEADER_CHARACTERS))) {
    const message = 'this is no workload profile: it says neither apiVersion nor kind';
    throw new ConfigError(
      [{ file, line: 1, column: 1, path: '', message }],
      'Traces are read by: agent-infra profile <inputs> -o profile.yaml; shards by: agent-infra profile merge <shards>',
    );
  }
  const document = parseYaml(workloadProfileSchema, {
    file,
    text,
    limitBytes: PROFILE_LIMIT_BYTES,
  });
  const { apiVersion: _version, kind: _kind, skeletons, ...fields } = document;
  return { ...fields, skeletons: parseSkeletons(skeletons, text, file) };
}

/** The profile as a YAML document that loadWorkloadProfile reads back to the same value. */
export function workloadProfileYaml(profile: WorkloadProfile): string {
  const { skeletons, ...fields } = profile;
  const lines = skeletons.map((skeleton) => `  ${JSON.stringify(skeleton)}\n`).join('');
  const body = writeYaml({ apiVersion: API_VERSION, kind: 'WorkloadProfile', ...fields });
  const block = lines === '' ? "skeletons: ''\n" : `skeletons: |\n${lines}`;
  return `# yaml-language-server: $schema=./workload-profile.schema.json\n${body}${block}`;
}

/** Problems name the line of the document, not of the block. */
function parseSkeletons(block: string, text: string, file: string): SessionSkeleton[] {
  const first = text.split('\n').findIndex((line) => line.startsWith('skeletons:')) + 2;
  return block.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const problem = (message: string): ConfigError =>
      new ConfigError([
        { file, line: first + index, column: 3, path: `skeletons.${index}`, message },
      ]);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw problem('this line is not JSON');
    }
    const result = sessionSkeleton.safeParse(value);
    if (result.success) return [result.data];
    const { path, message } = result.error.issues[0]!;
    throw problem(`${path.join('.')}: ${message}`);
  });
}
