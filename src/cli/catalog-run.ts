import { checkCatalog } from '../catalog/catalog-check.ts';
import { withOverlay } from '../catalog/overlay.ts';
import { findModel, readCatalogs } from '../catalog/providers.ts';
import type { Catalogs } from '../catalog/providers.ts';
import type { ProviderCatalog } from '../config/catalog-provider.ts';
import { nearest } from '../config/nearest.ts';
import { loadPriceOverlay } from '../config/price-overlay.ts';
import { MS_PER_DAY, parseDurationMs } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { catalogCheckText } from '../report/catalog.ts';
import { catalogListText, modelText, providerText } from '../report/catalog-rows.ts';
import { nowIso, wantsColour } from '../system.ts';

interface JsonOption {
  readonly json?: boolean | undefined;
}

/** `agent-infra catalog list`. */
export async function listCatalog(options: JsonOption): Promise<void> {
  const { providers } = await readCatalogs();
  if (options.json === true) return printJson([...providers.values()]);
  print(catalogListText(providers.values(), today(), style()));
}

/** `agent-infra catalog show <provider> [model]`. */
export async function showCatalog(
  provider: string,
  model: string | undefined,
  options: JsonOption & { readonly on?: string | undefined },
): Promise<void> {
  const catalog = providerOf(await readCatalogs(), provider);
  const day = options.on === undefined ? today() : isoDay(options.on, '--on');
  if (model === undefined) {
    if (options.json === true) return printJson(catalog);
    return print(providerText(catalog, day, style()));
  }
  const entry = findModel(catalog, model);
  if (entry === undefined) {
    throw unknown(
      'model',
      model,
      catalog.models.map(({ name }) => name),
    );
  }
  if (options.json === true) return printJson({ ...entry, sources: catalog.sources });
  print(modelText(catalog, entry, day, style()));
}

/** `agent-infra catalog check`. @returns whether no row is older than the bound */
export async function checkCatalogCommand(
  options: JsonOption & {
    readonly maxPriceAge?: string | undefined;
    readonly prices?: string | undefined;
  },
): Promise<boolean> {
  const maxAgeDays = options.maxPriceAge === undefined ? undefined : ageOption(options.maxPriceAge);
  const check = checkCatalog(await readWithOverlay(options.prices), today(), maxAgeDays);
  if (options.json === true) printJson(check);
  else print(catalogCheckText(check, style()));
  if (check.stale.length > 0) {
    const [oldest] = check.stale;
    process.stderr.write(
      `gate failed: ${check.stale.length} rows are older than ${maxAgeDays} days, the oldest ${oldest!.provider} ${oldest!.name} of ${oldest!.source.date}\n`,
    );
  }
  return check.stale.length === 0 && check.withoutSource.length === 0;
}

/** The bundled catalogs, with an overlay's prices when one is named. */
export async function readWithOverlay(overlay: string | undefined): Promise<Catalogs> {
  const catalogs = await readCatalogs();
  return overlay === undefined ? catalogs : withOverlay(catalogs, await loadPriceOverlay(overlay));
}

/** `30d` → days. @throws usage.invalid */
export function ageOption(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) {
    throw new AgentInfraError(
      'usage.invalid',
      `--max-price-age ${text}: expected an age such as 30d`,
    );
  }
  return ms / MS_PER_DAY;
}

/** A date option as ISO day. @throws usage.invalid */
export function isoDay(text: string, option: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  if (isDay) return text;
  throw new AgentInfraError(
    'usage.invalid',
    `${option} ${text}: expected a date such as 2026-11-20`,
  );
}

/** Today as ISO day. */
export function today(): string {
  return nowIso().slice(0, 10);
}

function providerOf(catalogs: Catalogs, name: string): ProviderCatalog {
  const catalog = catalogs.providers.get(name);
  if (catalog !== undefined) return catalog;
  throw unknown('provider', name, [...catalogs.providers.keys()]);
}

function unknown(what: string, name: string, known: readonly string[]): AgentInfraError {
  const guess = nearest(name, known);
  return new AgentInfraError(
    'catalog.unknown',
    `unknown ${what} "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
    { hint: `Known: ${known.join(', ')}` },
  );
}

function style(): { readonly colour: boolean } {
  return { colour: wantsColour(process.stdout) };
}

function print(text: string): void {
  process.stdout.write(text);
}

function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}
