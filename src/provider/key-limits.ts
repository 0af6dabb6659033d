import type { LimitSettings } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError } from '../http/dialect.ts';
import { AnthropicLimits } from './limits-anthropic.ts';
import { AzurePtuLimits } from './limits-azure-ptu.ts';
import { OpenaiLimits } from './limits-openai.ts';

/** What a call asks of its key's limits, before it runs. */
export interface LimitRequest {
  readonly model: string;
  readonly input: Pick<TokenRecord, 'uncached' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h'>;
  /** The client's output cap times its choices; undefined when it set none. */
  readonly outputCap: number | undefined;
}

export type LimitDecision =
  | { readonly admitted: true; readonly ticket: LimitTicket }
  | {
      readonly admitted: false;
      readonly error: ApiError;
      readonly headers: Readonly<Record<string, string>>;
      /** For the log: the dimension that refused. */
      readonly dimension: string;
    };

/** An admitted call's hold on the limits; closed once. */
export interface LimitTicket {
  /** Output tokens were generated. */
  progress(nowMs: number, outputTokens: number): void;
  /** The call is over, with what it really used. */
  settle(nowMs: number, used: TokenRecord): void;
}

/** Limits of one key (and one model, or models that share limits). All calls are handed the time. */
export interface KeyLimits {
  admit(nowMs: number, request: LimitRequest): LimitDecision;
  /** State headers for any reply, after the call was counted. */
  headers(nowMs: number, nowEpochMs: number): Readonly<Record<string, string>>;
}

/** Fresh limits of one key. */
export function createKeyLimits(settings: LimitSettings | undefined, nowMs: number): KeyLimits {
  switch (settings?.style) {
    case 'openai':
      return new OpenaiLimits(settings, nowMs);
    case 'anthropic':
      return new AnthropicLimits(settings, nowMs);
    case 'azure-ptu':
      return new AzurePtuLimits(settings, nowMs);
    case undefined:
      return UNLIMITED;
  }
}

const NO_TICKET: LimitTicket = { progress: () => {}, settle: () => {} };

const UNLIMITED: KeyLimits = {
  admit: () => ({ admitted: true, ticket: NO_TICKET }),
  headers: () => ({}),
};
