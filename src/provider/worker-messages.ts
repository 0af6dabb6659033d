import type { ProviderConfig } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { ServerAddress } from '../http/server.ts';
import type { AdminAnswer, AdminCall } from './admin.ts';
import type { LimitRefusal, LimitRequest } from './key-limits.ts';

/** Primary to worker. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly config: ProviderConfig;
      readonly address: ServerAddress;
      readonly log: string | undefined;
      readonly instance: string;
    }
  | {
      readonly kind: 'answer';
      readonly id: number;
      /** Undefined: admitted. */
      readonly refusal: LimitRefusal | undefined;
      readonly headers: Readonly<Record<string, string>>;
      /** The model that took the call over. */
      readonly servedBy: string | undefined;
      /** Output tokens count while they are generated. */
      readonly live: boolean;
    }
  | { readonly kind: 'admin'; readonly id: number; readonly call: AdminCall }
  | { readonly kind: 'admin-result'; readonly id: number; readonly answer: AdminAnswer }
  | { readonly kind: 'stop'; readonly graceMs: number };

/** Worker to primary. */
export type ToPrimary =
  /** The process listens to messages: what is sent before its modules are loaded is lost. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'ready'; readonly url: string }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | {
      readonly kind: 'admit';
      readonly id: number;
      readonly key: string;
      readonly request: LimitRequest;
    }
  | { readonly kind: 'progress'; readonly id: number; readonly outputTokens: number }
  | { readonly kind: 'settle'; readonly id: number; readonly used: TokenRecord }
  /** A caller's admin request, for all workers. */
  | { readonly kind: 'admin'; readonly id: number; readonly call: AdminCall }
  | { readonly kind: 'admin-answer'; readonly id: number; readonly answer: AdminAnswer };
