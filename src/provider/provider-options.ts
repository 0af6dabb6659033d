import { loadProviderConfig } from '../config/provider.ts';
import type { ProviderConfig } from '../config/provider.ts';
import { PROVIDER_PRESETS, providerPreset } from '../config/provider-presets.ts';
import { nearest } from '../config/nearest.ts';
import { AgentInfraError } from '../errors.ts';
import type { ServerAddress } from '../http/server.ts';
import { environment } from '../system.ts';

/** The configuration of a document or a preset; `fast` when neither is given. */
export async function configOf(
  file: string | undefined,
  preset: string | undefined,
): Promise<ProviderConfig> {
  if (file !== undefined && preset !== undefined) {
    throw new AgentInfraError(
      'usage.invalid',
      'give a configuration document or --preset, not both',
    );
  }
  if (file !== undefined) return loadProviderConfig(file, { env: environment() });
  const name = PROVIDER_PRESETS.find((known) => known === (preset ?? 'fast'));
  if (name !== undefined) return providerPreset(name);
  const guess = nearest(preset!, PROVIDER_PRESETS);
  throw new AgentInfraError('usage.invalid', `unknown preset "${preset}"`, {
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Presets: ${PROVIDER_PRESETS.join(', ')}.`,
  });
}

/** Where to listen: flags before the configuration. */
export function addressOf(
  { listen }: ProviderConfig,
  options: { readonly host?: string | undefined; readonly port?: string | undefined },
): ServerAddress {
  const { host = listen.host, port } = options;
  if (port === undefined) return { host, port: listen.port };
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new AgentInfraError('usage.invalid', `--port: "${port}" is not a port (0 to 65535)`);
  }
  return { host, port: Number(port) };
}

/** More processes than this are a typo, not a wish. */
const MOST_WORKERS = 64;

/** Number of worker processes; 1 serves from this process. */
export function workersOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= MOST_WORKERS) return workers;
  const message = `--workers: "${text}" is not a number from 1 to ${MOST_WORKERS}`;
  throw new AgentInfraError('usage.invalid', message);
}
