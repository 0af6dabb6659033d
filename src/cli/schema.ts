import type { Command } from '@commander-js/extra-typings';
import type { z } from 'zod';

import type { SetExitCode } from './exit-code.ts';

/** Short name → document kind and its schema. A new kind of document is added here. */
const SCHEMAS = {
  profile: {
    kind: 'WorkloadProfile',
    load: async () => (await import('../config/workload-profile.ts')).workloadProfileSchema,
  },
  plan: { kind: 'Plan', load: async () => (await import('../config/plan.ts')).planSchema() },
  scenario: {
    kind: 'Scenario',
    load: async () => (await import('../config/scenario.ts')).scenarioSchema,
  },
  gateway: {
    kind: 'GatewayConfig',
    load: async () => (await import('../config/gateway.ts')).gatewayConfigSchema,
  },
  provider: {
    kind: 'ProviderConfig',
    load: async () => (await import('../config/provider.ts')).providerConfigSchema,
  },
  'catalog-provider': {
    kind: 'ProviderCatalog',
    load: async () => (await import('../config/catalog-provider.ts')).providerCatalogSchema,
  },
  'catalog-model': {
    kind: 'ModelCatalog',
    load: async () => (await import('../config/catalog-gpu.ts')).ModelCatalogSchema,
  },
  'catalog-gpu': {
    kind: 'GpuCatalog',
    load: async () => (await import('../config/catalog-gpu.ts')).GpuCatalogSchema,
  },
  'catalog-infra': {
    kind: 'InfraCatalog',
    load: async () => (await import('../config/catalog-infra.ts')).infraCatalogSchema,
  },
  'price-overlay': {
    kind: 'PriceOverlay',
    load: async () => (await import('../config/price-overlay.ts')).priceOverlaySchema,
  },
} satisfies Record<string, { kind: string; load: () => Promise<z.ZodType> }>;

type SchemaName = keyof typeof SCHEMAS;

/** Short names of the kinds. */
export function schemaNames(): readonly string[] {
  return Object.keys(SCHEMAS);
}

/** `agent-infra schema [kind]`: the JSON Schema of a document, for editors and CI. */
export function addSchemaCommand(program: Command, _setExitCode: SetExitCode): void {
  program
    .command('schema')
    .description('print the JSON Schema of a document kind; without a kind, list them')
    .argument('[kind]', Object.keys(SCHEMAS).join(', '))
    .action(async (kind) => {
      if (kind === undefined) {
        const lines = Object.entries(SCHEMAS).map(
          ([name, schema]) => `${name.padEnd(18)}${schema.kind}\n`,
        );
        process.stdout.write(lines.join(''));
        return;
      }
      process.stdout.write(
        `${JSON.stringify(await jsonSchema(await schemaName(kind)), null, 2)}\n`,
      );
    });
}

async function schemaName(text: string): Promise<SchemaName> {
  const names = Object.keys(SCHEMAS) as SchemaName[];
  const found = names.find((name) => name === text || SCHEMAS[name].kind === text);
  if (found !== undefined) return found;
  const [{ AgentInfraError }, { nearest }] = await Promise.all([
    import('../errors.ts'),
    import('../config/nearest.ts'),
  ]);
  const guess = nearest(text, names);
  throw new AgentInfraError('usage.invalid', `no document kind is called "${text}"`, {
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Known: ${names.join(', ')}.`,
  });
}

async function jsonSchema(name: SchemaName): Promise<object> {
  const { z } = await import('zod');
  const schema = await SCHEMAS[name].load();
  // What people write (durations with units), not what the program makes of it. Draft 7 is what
  // the YAML language server and most CI validators understand.
  return {
    title: `agent-infra ${SCHEMAS[name].kind}`,
    ...z.toJSONSchema(schema, {
      io: 'input',
      target: 'draft-7',
      unrepresentable: 'any',
      reused: 'ref',
    }),
  };
}
