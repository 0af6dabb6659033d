import type { TokenRecord } from '../core/tokens.ts';
import type { ModelRequest, ReplyHead } from '../http/dialect.ts';
import type { ComposedReply } from './compose-reply.ts';

/** A call that was answered whole, for those who keep replies (Responses). */
export interface FinishedCall {
  readonly request: ModelRequest;
  readonly head: ReplyHead;
  readonly composed: ComposedReply;
  readonly usage: TokenRecord;
}

/** What a caller of the simulator wants to know of one call. */
export interface CallHooks {
  /** It passed the limits; its reply will have this head. */
  readonly onAdmitted?: ((head: ReplyHead) => void) | undefined;
  /** It was answered whole. */
  readonly onFinished?: ((call: FinishedCall) => void) | undefined;
}
