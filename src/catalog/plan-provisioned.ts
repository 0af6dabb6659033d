import type { ProvisionedOffer } from '../capacity/provisioned-base.ts';
import type { CatalogModelEntry, ProviderCatalog } from '../config/catalog-provider.ts';
import type { AlternativeDocument } from '../config/plan.ts';
import { AgentInfraError } from '../errors.ts';
import { givenSource } from './plan-notes.ts';
import type { Notes } from './plan-notes.ts';

/** Reserved units of a route: what the plan says over what the catalog knows. */
export function provisionedOffer(
  { provisioned: given, provider }: AlternativeDocument,
  key: string,
  { catalog, model }: { readonly catalog: ProviderCatalog; readonly model: CatalogModelEntry },
  notes: Notes,
): ProvisionedOffer | undefined {
  if (given === undefined) return undefined;
  const known = model.provisioned;
  const term = catalog.provisioned?.terms.find(({ name }) => name === given.term);
  const fail = (what: string): never => {
    const terms = (catalog.provisioned?.terms ?? []).map(({ name }) => name).join(', ');
    throw new AgentInfraError('catalog.unknown', `${key}.provisioned: ${what}`, {
      hint: `Terms of ${provider}: ${terms || 'none'}.`,
    });
  };
  const perUnit =
    given.tokensPerMinutePerUnit ??
    known?.tokensPerMinutePerUnit ??
    fail(`give tokensPerMinutePerUnit: the catalog has none for ${model.name}`);
  const unitPrice =
    given.unitPrice ?? term?.usdPerUnitMonth ?? fail(`unknown term "${given.term ?? ''}"`);
  if (given.unitPrice !== undefined) notes.sources.push(givenSource(`${key}.provisioned`));
  const sources = catalog.provisioned === undefined ? [] : [catalog.provisioned.source];
  if (given.unitPrice === undefined && term !== undefined) sources.push(term.source);
  for (const name of sources) {
    const { page, date, basis = 'listed' } = catalog.sources[name]!;
    notes.sources.push({ of: `provisioned ${provider} ${model.name}`, page, date, basis });
  }
  const long = known?.long;
  return {
    unit: catalog.provisioned?.unit ?? 'unit',
    tokensPerMinutePerUnit: perUnit,
    weights: {
      input: 1,
      cacheRead: given.cacheReadWeight ?? known?.cacheReadWeight ?? 1,
      output: given.outputWeight ?? known?.outputWeight ?? 1,
    },
    long:
      long === undefined
        ? undefined
        : {
            aboveTokens: long.aboveTokens,
            input: long.inputWeight,
            cacheRead: long.cacheReadWeight,
            output: long.outputWeight,
          },
    minimum: given.minimum ?? known?.minimum ?? 1,
    increment: given.increment ?? known?.increment ?? 1,
    term: given.term ?? 'given',
    usdPerUnitMonth: unitPrice,
    overflow: catalog.provisioned?.overflow ?? 'refused',
  };
}
