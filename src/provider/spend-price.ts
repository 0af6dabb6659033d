import type { LimitSettings } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';

type Prices = NonNullable<LimitSettings['spend']>['prices'];

/** Cache writes and reads relative to input where no price is given (Anthropic's ratios). */
const WRITE_5M = 1.25;
const WRITE_1H = 2;
const READ = 0.1;

const PER_MILLION = 1e6;

/** US dollars of so many tokens; prices are per million. */
export function spendOf(prices: Prices, tokens: TokenRecord): number {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = prices;
  return (
    (tokens.uncached * input +
      tokens.cacheRead * (cacheRead ?? input * READ) +
      tokens.cacheWrite5m * (cacheWrite5m ?? input * WRITE_5M) +
      tokens.cacheWrite1h * (cacheWrite1h ?? input * WRITE_1H) +
      tokens.output * output) /
    PER_MILLION
  );
}
