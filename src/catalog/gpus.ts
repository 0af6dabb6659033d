import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { loadGpuCatalog, loadModelCatalog } from '../config/catalog-gpu.ts';
import type { CatalogGpu, CatalogModel } from '../config/catalog-gpu.ts';
import { nearest } from '../config/nearest.ts';
import { AgentInfraError } from '../errors.ts';

/** Every bundled GPU, by name. */
export function readGpus(): Promise<ReadonlyMap<string, CatalogGpu>> {
  return (gpus ??= readFolder('gpus', loadGpuCatalog));
}

/** Every bundled open-weight model, by name. */
export function readModels(): Promise<ReadonlyMap<string, CatalogModel>> {
  return (models ??= readFolder('models', loadModelCatalog));
}

// Read once: what is bundled does not change while the program runs.
let gpus: Promise<ReadonlyMap<string, CatalogGpu>> | undefined;
let models: Promise<ReadonlyMap<string, CatalogModel>> | undefined;

/** One row by name, whatever its case. @throws catalog.unknown with the nearest name */
export function pick<T>(catalog: ReadonlyMap<string, T>, name: string, what: string): T {
  const key = [...catalog.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
  const row = key === undefined ? undefined : catalog.get(key);
  if (row !== undefined) return row;
  const guess = nearest(name, catalog.keys());
  const suggestion = guess === undefined ? '' : `; did you mean "${guess}"?`;
  throw new AgentInfraError('catalog.unknown', `unknown ${what} "${name}"${suggestion}`, {
    hint: `Known: ${[...catalog.keys()].join(', ')}`,
  });
}

async function readFolder<T extends { readonly name: string }>(
  folder: 'gpus' | 'models',
  load: (file: string) => Promise<T[]>,
): Promise<ReadonlyMap<string, T>> {
  const path = fileURLToPath(new URL(`../../profiles/${folder}/`, import.meta.url));
  const files = (await readdir(path)).filter((file) => file.endsWith('.yaml')).toSorted();
  const rows = await Promise.all(files.map((file) => load(path + file)));
  return new Map(rows.flat().map((row) => [row.name, row]));
}
