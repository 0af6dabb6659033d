import type { Json } from '../http/dialect-json.ts';
import { markPart, textPart } from '../http/dialect-prompt.ts';
import type { PromptPart } from '../http/dialect-prompt.ts';
import { responsesReply } from '../http/openai-responses-reply.ts';
import type { FollowedStream } from './followed-stream.ts';
import type { FinishedCall } from './call-hooks.ts';
import { wholeReply } from './whole-reply.ts';

/** Replies kept; the oldest goes first. */
const MAX_STORED = 1000;

export interface StoredResponse {
  readonly body: Json;
  /** The conversation up to and including this reply, for `previous_response_id`. */
  readonly conversation: readonly PromptPart[];
  /** Ends the work; absent when it is over. */
  readonly cancel?: (() => void) | undefined;
  /** Its events, when it was asked for as a background stream. */
  readonly stream?: FollowedStream | undefined;
}

interface BackgroundOptions {
  readonly background: boolean;
  readonly stream?: FollowedStream | undefined;
}

/** Stored replies of the Responses API, in memory. */
export class ResponseStore {
  readonly #stored = new Map<string, StoredResponse>();

  get(id: string): StoredResponse | undefined {
    return this.#stored.get(id);
  }

  put(
    { request, head, composed, usage }: FinishedCall,
    { background, stream }: BackgroundOptions = { background: false },
  ): void {
    const whole = wholeReply(head, composed, usage);
    const { text, toolCalls } = whole.choices[0]!;
    const spoken = JSON.stringify([text, toolCalls]);
    const conversation = [...request.prompt, markPart('assistant'), textPart(spoken)];
    const stored = { body: { ...responsesReply(whole), background }, conversation, stream };
    // Work that was deleted while it ran leaves nothing.
    if (background) this.replace(head.id, stored);
    else this.start(head.id, stored);
  }

  start(id: string, stored: StoredResponse): void {
    this.#stored.set(id, stored);
    for (const oldest of this.#stored.keys()) {
      if (this.#stored.size <= MAX_STORED) break;
      this.#stored.delete(oldest);
    }
  }

  /** Another state of a response that is still here. */
  replace(id: string, stored: StoredResponse): void {
    if (this.#stored.has(id)) this.#stored.set(id, stored);
  }

  delete(id: string): boolean {
    return this.#stored.delete(id);
  }
}
