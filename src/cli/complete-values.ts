import { bundledNames } from '../config/bundled.ts';

/** What the shell completes by itself, besides the names. */
export type Files = 'none' | 'any' | 'folders' | 'yaml';

interface Values {
  readonly names: readonly string[];
  readonly files: Files;
}

/**
 * What a placeholder of the help stands for: `<scenario>` is a bundled name or a YAML file. A
 * placeholder that is not here is free text (or a file, for arguments): nothing breaks by it.
 */
const VALUES = {
  scenario: { names: () => bundledNames('scenario'), files: 'yaml' },
  plan: { names: () => bundledNames('plan'), files: 'yaml' },
  workload: { names: () => bundledNames('profile'), files: 'yaml' },
  profile: { names: () => bundledNames('profile'), files: 'yaml' },
  config: { files: 'yaml' },
  overlay: { files: 'yaml' },
  before: { names: () => bundledNames('profile'), files: 'yaml' },
  after: { names: () => bundledNames('profile'), files: 'yaml' },
  file: { files: 'any' },
  path: { files: 'any' },
  dir: { files: 'folders' },
  run: { files: 'folders' },
  provider: { names: () => bundledNames('provider'), files: 'none' },
  model: { names: modelsOf, files: 'none' },
  kind: { names: async () => (await import('./schema.ts')).schemaNames(), files: 'none' },
  preset: {
    names: async () => (await import('../config/provider-presets.ts')).PROVIDER_PRESETS,
    files: 'none',
  },
  gpu: {
    names: async () => [...(await (await import('../catalog/gpus.ts')).readGpus()).keys()],
    files: 'none',
  },
  'open-model': {
    names: async () => [...(await (await import('../catalog/gpus.ts')).readModels()).keys()],
    files: 'none',
  },
  'trace-format': {
    names: async () => ['auto', ...Object.keys((await import('../traces/readers.ts')).readers)],
    files: 'none',
  },
  'export-format': {
    names: async () => Object.keys((await import('../traces/write-formats.ts')).writers),
    files: 'none',
  },
} satisfies Record<
  string,
  {
    readonly names?: (
      operands: readonly string[],
    ) => readonly string[] | Promise<readonly string[]>;
    readonly files: Files;
  }
>;

/**
 * Names and files for a placeholder: `new-plan` and `plan|url` are a plan.
 * @param operands the arguments before it, such as the provider of a model
 * @param unknown what a placeholder that is not known takes
 */
export async function valuesOf(
  placeholder: string,
  operands: readonly string[],
  unknown: Files,
): Promise<Values> {
  const whole = placeholder.split('|')[0]!;
  const key = [whole, whole.split('-').at(-1)!].find((name) => Object.hasOwn(VALUES, name));
  if (key === undefined) return { names: [], files: unknown };
  const value: { names?: (operands: readonly string[]) => unknown; files: Files } =
    VALUES[key as keyof typeof VALUES];
  const names = (await value.names?.(operands)) as readonly string[] | undefined;
  return { names: names ?? [], files: value.files };
}

/** `catalog show openai <tab>`. */
async function modelsOf([provider]: readonly string[]): Promise<readonly string[]> {
  if (provider === undefined || !bundledNames('provider').includes(provider)) return [];
  const { readCatalogs } = await import('../catalog/providers.ts');
  const catalog = (await readCatalogs()).providers.get(provider);
  return [...new Set(catalog?.models.map(({ name }) => name))];
}
