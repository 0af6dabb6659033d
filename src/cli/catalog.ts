import type { Command } from '@commander-js/extra-typings';

import { EXIT } from '../errors.ts';
import type { SetExitCode } from './exit-code.ts';

/** `agent-infra catalog`: what the plans' prices and limits are, how old, and who disagrees. */
export function addCatalogCommand(program: Command, setExitCode: SetExitCode): void {
  const catalog = program
    .command('catalog')
    .description(
      'limits and prices that plans use: list, check their age, update, import your own',
    );
  catalog
    .command('list')
    .description('list the providers')
    .option('--json', 'print JSON')
    .action(async (options) => {
      const { listCatalog } = await import('./catalog-run.ts');
      await listCatalog(options);
    });
  catalog
    .command('show')
    .description('show the models of a provider, or every row of one model with its source')
    .argument('<provider>', 'such as openai')
    .argument('[model]', 'exact id')
    .option('--json', 'print JSON')
    .option('--on <date>', 'the day whose prices to show (default: today)')
    .action(async (provider, model, options) => {
      const { showCatalog } = await import('./catalog-run.ts');
      await showCatalog(provider, model, options);
    });
  catalog
    .command('check')
    .description('age of every row, disagreements with genai-prices, ids it does not know')
    .option('--max-price-age <age>', 'exit 99 when a row is older, such as 30d')
    .option('--prices <overlay>', 'check with the prices of an overlay')
    .option('--json', 'print JSON')
    .action(async (options) => {
      const { checkCatalogCommand } = await import('./catalog-run.ts');
      setExitCode((await checkCatalogCommand(options)) ? EXIT.pass : EXIT.gateFailed);
    });
  catalog
    .command('update')
    .description('compare our prices with another list, and write what differs as an overlay')
    .requiredOption(
      '--from <file|url>',
      'genai-prices v2 data.json, models.dev api.json or LiteLLM model_prices json',
    )
    .option('--write <file>', 'write an overlay for plan --prices')
    .option('--new', 'show and write models that our catalog does not have, too')
    .option('--date <date>', 'the day the list was published or fetched (default: today)')
    .option('--json', 'print JSON')
    .action(async (options) => {
      const { updateCatalog } = await import('./catalog-update.ts');
      await updateCatalog(options);
    });
  catalog
    .command('limits')
    .description('read the limits of your own account from what the provider said')
    .requiredOption(
      '--from <file>',
      'Rate Limits API answer, AWS or Azure quotas, recording, HAR, OTLP or log with rate-limit headers, 429 bodies',
    )
    .option('--provider <provider>', 'whose they are, where the file does not say')
    .option('--model <id>', 'the model they hold for, where the file does not say')
    .option('--json', 'print JSON')
    .action(async (options) => {
      const { showLimits } = await import('./catalog-update.ts');
      await showLimits(options);
    });
}
