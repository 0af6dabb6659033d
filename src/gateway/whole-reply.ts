import type { Dialect } from '../http/dialect.ts';
import { parseJson, recordOf } from '../http/dialect-json.ts';
import { tokensOfChatUsage } from '../http/openai-chat-reply.ts';
import { readReply } from '../http/read-stream.ts';
import type { CallOutcome, GatewayCall } from './call.ts';
import { KeptReply } from './kept-reply.ts';
import type { Refusal } from './refusal.ts';

/** Larger replies pass through unread: their usage is unknown. Embeddings of 2,048 inputs fit. */
const LARGEST_READ_BYTES = 32 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/** A reply that is not a stream: passed on as it comes, read for its usage at the end. */
export class WholeReply {
  readonly isWaitingForToken = false;
  readonly #call: GatewayCall;
  readonly #dialect: Dialect | undefined;
  readonly #status: number;
  readonly #body: KeptReply;
  /** Bytes still to come by the content-length; NaN when it names none. */
  #leftBytes: number;
  #last: Buffer = NOTHING;

  constructor(
    call: GatewayCall,
    dialect: Dialect | undefined,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ) {
    this.#call = call;
    this.#dialect = dialect;
    this.#status = status;
    const isRead = status === 200 && call.route.wire !== 'plain';
    this.#body = new KeptReply(
      isRead ? LARGEST_READ_BYTES : 0,
      String(headers['content-type'] ?? ''),
    );
    this.#leftBytes = Number(headers['content-length'] ?? Number.NaN);
  }

  /** The last bytes go out together with the end, which follows at once. */
  push(chunk: Buffer): Buffer {
    this.#body.push(chunk);
    this.#leftBytes -= chunk.length;
    if (this.#leftBytes !== 0) return chunk;
    this.#last = chunk;
    return NOTHING;
  }

  end(): { readonly tail: Buffer; readonly terminal: string } {
    return { tail: this.#last, terminal: 'complete' };
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
