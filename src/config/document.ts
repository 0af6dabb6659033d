import { readFile } from 'node:fs/promises';

import { stringify } from 'yaml';
import { z } from 'zod';

import { AgentInfraError, asError, fileReason } from '../errors.ts';
import { parseYaml } from './yaml.ts';

export const API_VERSION = 'agent-infra/v1';

/** The kinds of documents; each has a schema file in this folder. */
export type DocumentKind =
  | 'WorkloadProfile'
  | 'Plan'
  | 'Scenario'
  | 'GatewayConfig'
  | 'ProviderConfig'
  | 'ProviderCatalog'
  | 'ModelCatalog'
  | 'GpuCatalog'
  | 'InfraCatalog'
  | 'PriceOverlay';

/** Fields that open every document. */
export function header<K extends DocumentKind>(
  kind: K,
): { apiVersion: z.ZodLiteral<typeof API_VERSION>; kind: z.ZodLiteral<K> } {
  return {
    apiVersion: z.literal(API_VERSION, { error: `expected apiVersion: ${API_VERSION}` }),
    kind: z.literal(kind, { error: `expected kind: ${kind}` }),
  };
}

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly limitBytes?: number | undefined;
}

/** Reads and checks one document from disk. */
export async function loadDocument<S extends z.ZodType>(
  schema: S,
  file: string,
  options: LoadOptions = {},
): Promise<z.output<S>> {
  return parseYaml(schema, { file, text: await readText(file), ...options });
}

/** Reads a text file; binary content and unreadable files are errors that name the file. */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((thrown: unknown) => {
    const cause = asError(thrown);
    throw new AgentInfraError('config.unreadable', `${file}: ${fileReason(cause)}`, { cause });
  });
  if (bytes.includes(0)) {
    throw new AgentInfraError(
      'config.unreadable',
      `${file}: this is a binary file, expected YAML text`,
    );
  }
  return bytes.toString('utf8');
}

/** Serialises a document: stable key order as given, no line folding. */
export function writeYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
