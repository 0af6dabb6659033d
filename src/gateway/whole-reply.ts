import type { Dialect } from '../http/dialect.ts';
import { parseJson, recordOf } from '../http/dialect-json.ts';
import { tokensOfChatUsage } from '../http/openai-chat-reply.ts';
import { readReply } from '../http/read-stream.ts';
import type { CallOutcome, GatewayCall } from './call.ts';
import { KeptReply } from './kept-reply.ts';
import type { Refusal } from './refusal.ts';

/** Larger replies pass through unread: their usage is unknown. Embeddings of 2,048 inputs fit. */
const LARGEST_READ_BYTES = 32 * 1024 * 1024;

/** A reply that is not a stream: passed on as it comes, read for its usage at the end. */
export class WholeReply {
  readonly isWaitingForToken = false;
  readonly #call: GatewayCall;
  readonly #dialect: Dialect | undefined;
  readonly #status: number;
  readonly #body: KeptReply;

  constructor(
    call: GatewayCall,
    dialect: Dialect | undefined,
    status: number,
    contentType: string,
  ) {
    this.#call = call;
    this.#dialect = dialect;
    this.#status = status;
    const isRead = status === 200 && call.route.wire !== 'plain';
    this.#body = new KeptReply(isRead ? LARGEST_READ_BYTES : 0, contentType);
  }

  push(chunk: Buffer): Buffer {
    this.#body.push(chunk);
    return chunk;
  }

  end(): { readonly tail: string; readonly terminal: string } {
    return { tail: '', terminal: 'complete' };
  }

  earlyError(): Refusal | undefined {
    return undefined;
  }

  outcome(): Partial<CallOutcome> {
    if (this.#status !== 200) return { kind: kindOfStatus(this.#status) };
    const reply = this.#body.whole();
    if (this.#call.route.wire === 'plain' || reply === undefined) return { kind: 'ok' };
    const read = this.#read(reply.body.toString('utf8'));
    const tokensBasis = read.tokens === undefined ? 'none' : 'reported';
    const isKept = reply.body.length <= this.#call.keepReplyBytes && read.kind === 'ok';
    return { tokensBasis, ...read, reply: isKept ? reply : undefined };
  }

  #read(body: string): Partial<CallOutcome> & Pick<CallOutcome, 'kind'> {
    if (this.#dialect === undefined) {
      const tokens = tokensOfChatUsage(recordOf(parseJson(body))?.['usage']);
      return { kind: 'ok', tokens };
    }
    const { error, finish, malformedFrames, usage } = readReply(this.#dialect, body);
    const isBad = error !== undefined || malformedFrames > 0;
    return { kind: isBad ? 'error' : 'ok', tokens: usage, finish };
  }
}

function kindOfStatus(status: number): CallOutcome['kind'] {
  if (status < 400) return 'ok';
  if (status === 429) return 'limited';
  return status < 500 ? 'refused' : 'error';
}
