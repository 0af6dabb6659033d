import type { TokenRecord } from '../core/tokens.ts';
import type { ReplyChoice, ReplyHead, WholeReply } from '../http/dialect.ts';
import type { ComposedChoice, ComposedReply } from './compose-reply.ts';

/** A composed reply in one piece. */
export function wholeReply(
  head: ReplyHead,
  { choices }: ComposedReply,
  usage: TokenRecord,
): WholeReply {
  return { ...head, choices: choices.map(wholeChoice), usage };
}

function wholeChoice({ segments, finish, stopSequence }: ComposedChoice): ReplyChoice {
  let reasoning: string | undefined;
  let text = '';
  const toolCalls = [];
  for (const segment of segments) {
    if (segment.kind === 'tool') toolCalls.push(segment.call);
    else if (segment.kind === 'text') text += segment.text;
    else if (segment.visible) reasoning = segment.text;
  }
  return {
    text,
    toolCalls,
    finish,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(stopSequence === undefined ? {} : { stopSequence }),
  };
}
