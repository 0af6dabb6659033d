import { writeFile } from 'node:fs/promises';

import { importLimits } from '../catalog/limits-import.ts';
import { priceUpdate } from '../catalog/overlay.ts';
import { readPriceList } from '../catalog/price-formats.ts';
import { readCatalogs } from '../catalog/providers.ts';
import { readText } from '../config/document.ts';
import { priceOverlayYaml } from '../config/price-overlay.ts';
import { AgentInfraError, asError, unwritableFile } from '../errors.ts';
import { importedLimitsText, priceUpdateText } from '../report/catalog.ts';
import { wantsColour } from '../system.ts';
import { isoDay, today } from './catalog-run.ts';

/** `agent-infra catalog update --from <file|url>`. */
export async function updateCatalog(options: {
  readonly from: string;
  readonly write?: string | undefined;
  readonly new?: boolean | undefined;
  readonly date?: string | undefined;
  readonly json?: boolean | undefined;
}): Promise<void> {
  const day = options.date === undefined ? today() : isoDay(options.date, '--date');
  const list = readPriceList(await readSource(options.from), options.from, day);
  const whole = priceUpdate(await readCatalogs(), list, day);
  const update =
    options.new === true
      ? whole
      : { ...whole, changes: whole.changes.filter(({ kind }) => kind !== 'new') };
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(update, null, 2)}\n`);
  } else {
    process.stdout.write(priceUpdateText(update, { colour: wantsColour(process.stdout) }));
  }
  if (options.write === undefined) return;
  const source = {
    page: `${list.format} (${pageOf(options.from)})`,
    date: day,
    basis: 'third-party' as const,
  };
  const rows = update.changes.map(({ listed }) => listed);
  await writeFile(options.write, priceOverlayYaml(source, rows)).catch((thrown: unknown) => {
    throw unwritableFile(options.write!, thrown);
  });
  process.stderr.write(`wrote ${rows.length} prices to ${options.write}; use: plan --prices\n`);
}

/** `agent-infra catalog limits --from <file>`. */
export async function showLimits(options: {
  readonly from: string;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly json?: boolean | undefined;
}): Promise<void> {
  const imported = importLimits(await readText(options.from), options.from, options);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(imported, null, 2)}\n`
      : importedLimitsText(imported, { colour: wantsColour(process.stdout) }),
  );
}

/** Price lists are a few MB; anything larger is something else. */
const MOST_BYTES = 64 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 30_000;

async function readSource(from: string): Promise<string> {
  if (!/^[a-z]+:\/\//i.test(from)) return readText(from);
  const url = new URL(from);
  const isLoopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) {
    throw new AgentInfraError('target.refused', `${from}: only https and loopback addresses`, {
      hint: 'Fetch the file yourself and name it.',
    });
  }
  const fail = (thrown: unknown): never => {
    throw new AgentInfraError('target.unreachable', `${from}: ${asError(thrown).message}`);
  };
  // A redirect could lead away from https; a list that moved is named by its new address.
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  }).catch(fail);
  if (!response.ok) {
    throw new AgentInfraError('target.unreachable', `${from}: HTTP ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += (chunk as Uint8Array).length;
      if (size > MOST_BYTES) throw new Error('larger than a price list can be');
      chunks.push(chunk as Uint8Array);
    }
  } catch (thrown) {
    fail(thrown);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Paths of this machine do not belong into a file that is shared. */
function pageOf(from: string): string {
  return from.includes('://') ? from : (from.split(/[/\\]/).at(-1) ?? from);
}
