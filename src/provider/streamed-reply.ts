import type { StreamWriter } from '../http/dialect.ts';
import { CHARACTERS_PER_TOKEN } from '../http/dialect-prompt.ts';
import type { ComposedReply, Segment } from './compose-reply.ts';

/** Reads a composed reply token by token and turns the tokens into frames of the dialect. */
export class StreamedReply {
  readonly writer: StreamWriter;
  readonly #choices: readonly Cursor[];

  constructor(reply: ComposedReply, writer: StreamWriter) {
    this.writer = writer;
    this.#choices = reply.choices.map(
      ({ segments }, choice) => new Cursor(segments, writer, choice),
    );
  }

  /** Frames of the next `tokens` decoding steps; empty while hidden reasoning passes. */
  advance(tokens: number): string {
    let frames = '';
    for (const choice of this.#choices) frames += choice.advance(tokens);
    return frames;
  }
}

class Cursor {
  readonly #segments: readonly Segment[];
  readonly #writer: StreamWriter;
  readonly #choice: number;
  #index = 0;
  /** Tokens taken of the current segment. */
  #taken = 0;

  constructor(segments: readonly Segment[], writer: StreamWriter, choice: number) {
    this.#segments = segments;
    this.#writer = writer;
    this.#choice = choice;
  }

  advance(tokens: number): string {
    let frames = '';
    let left = tokens;
    while (left > 0 && this.#index < this.#segments.length) {
      const segment = this.#segments[this.#index]!;
      const count = Math.min(left, segment.tokens - this.#taken);
      frames += this.#frame(segment, this.#taken, this.#taken + count);
      left -= count;
      this.#taken += count;
      if (this.#taken >= segment.tokens) {
        this.#index += 1;
        this.#taken = 0;
      }
    }
    return frames;
  }

  #frame(segment: Segment, from: number, to: number): string {
    const choice = this.#choice;
    switch (segment.kind) {
      case 'text': {
        const text = slice(segment.text, segment.tokens, from, to);
        return text === '' ? '' : this.#writer.text(text, choice);
      }
      case 'reasoning': {
        if (!segment.visible) return '';
        return this.#writer.reasoning(slice(segment.text, segment.tokens, from, to), choice);
      }
      case 'tool': {
        const { call, tokens } = segment;
        // The first token opens the call with its name; the rest carry the arguments.
        const open = from === 0 ? this.#writer.toolCall(call, choice) : '';
        const text = slice(call.arguments, tokens - 1, Math.max(0, from - 1), to - 1);
        return text === '' ? open : open + this.#writer.toolArguments(text, choice);
      }
    }
  }
}

/** Characters of tokens [from, to) of a text that counts `tokens`; the last token takes the rest. */
function slice(text: string, tokens: number, from: number, to: number): string {
  const end = to >= tokens ? text.length : to * CHARACTERS_PER_TOKEN;
  return text.slice(from * CHARACTERS_PER_TOKEN, end);
}
