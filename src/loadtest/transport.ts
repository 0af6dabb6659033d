import type { TokenRecord } from '../core/tokens.ts';
import type { LlmStep } from './session-script.ts';

/** Sends one attempt of a call. Real: http-transport.ts. Tests: a model of a server in virtual time. */
export interface Transport {
  /** Never rejects: every way a request can end is a result. Aborting ends it with `aborted`. */
  send(call: TransportCall, signal: AbortSignal): Promise<AttemptResult>;
  close(): Promise<void>;
}

export interface TransportCall {
  readonly step: LlmStep;
  readonly session: number;
  readonly turn: number;
  /** 1 for the first. */
  readonly attempt: number;
}

/** What happened, on the clock of the run. Times that did not happen are absent. */
export interface AttemptResult {
  /** Handed to the HTTP client, body serialised. */
  readonly sentAt?: number | undefined;
  /** On a connected socket. */
  readonly socketAt?: number | undefined;
  readonly headersAt?: number | undefined;
  readonly firstByteAt?: number | undefined;
  readonly firstRoleAt?: number | undefined;
  readonly firstTokenAt?: number | undefined;
  readonly firstVisibleAt?: number | undefined;
  readonly firstToolAt?: number | undefined;
  readonly lastTokenAt?: number | undefined;
  readonly doneAt?: number | undefined;
  readonly endAt: number;
  readonly status?: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly outcome: 'ok' | 'failed' | 'truncated' | 'aborted';
  /** A short code when not ok. */
  readonly error?: string | undefined;
  readonly usage?: TokenRecord | undefined;
  readonly chunks: number;
  readonly gaps?: readonly number[] | undefined;
  readonly stallMs?: number | undefined;
}
