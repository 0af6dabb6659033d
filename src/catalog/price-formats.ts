import { AgentInfraError } from '../errors.ts';
import { genaiData, genaiPriceList } from './genai-format.ts';
import { liteLlmData, liteLlmPriceList } from './litellm-format.ts';
import { modelsDevData, modelsDevPriceList } from './models-dev-format.ts';
import type { PriceList } from './price-list.ts';

/** One price list of others that we read; the first whose shape fits is taken. */
interface PriceFormat {
  readonly title: string;
  /** Undefined when the shape is another's. */
  readonly read: (data: unknown, day: string) => PriceList | undefined;
}

const PRICE_FORMATS = {
  'genai-prices': {
    title: 'genai-prices v2 data.json',
    read: (data, day) => {
      const parsed = genaiData.safeParse(data);
      return parsed.success ? genaiPriceList(parsed.data, day) : undefined;
    },
  },
  'models.dev': {
    title: 'models.dev api.json',
    read: (data) => {
      const parsed = modelsDevData.safeParse(data);
      return parsed.success ? modelsDevPriceList(parsed.data) : undefined;
    },
  },
  litellm: {
    title: 'LiteLLM model_prices_and_context_window.json',
    read: (data) => {
      const parsed = liteLlmData.safeParse(data);
      return parsed.success ? liteLlmPriceList(parsed.data) : undefined;
    },
  },
} as const satisfies Record<string, PriceFormat>;

/**
 * Reads a price list of any known format.
 * @param name of the file or address, for messages
 * @param day ISO day whose prices hold, where the format has dates
 * @throws AgentInfraError config.invalid when it is not JSON or no format fits
 */
export function readPriceList(text: string, name: string, day: string): PriceList {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new AgentInfraError('config.invalid', `${name}: not JSON`, { hint: KNOWN });
  }
  for (const format of Object.values(PRICE_FORMATS)) {
    const list = format.read(data, day);
    // An empty list fits every shape and tells nothing.
    if (list !== undefined && list.prices.length + list.skipped.length > 0) return list;
  }
  throw new AgentInfraError('config.invalid', `${name}: no known price list`, { hint: KNOWN });
}

const KNOWN = `Known: ${Object.values(PRICE_FORMATS)
  .map(({ title }) => title)
  .join(', ')}.`;
