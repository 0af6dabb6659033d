import type { Random } from '../core/random.ts';

/** 64 common English words of three letters: with its space each counts as one token. */
const WORDS = (
  'the and for are but not you all any can had her was one our out day get has him his how man ' +
  'new now old see two way who boy did its let put say she too use big red cut hot run sun sea ' +
  'act add age ago air arm art ask bag bed bit box buy car cat dog eat egg'
).split(' ');

/** Words of 6 bits that one 32-bit draw gives. */
const WORDS_PER_DRAW = 5;

/** Text of exactly `tokens` tokens by the estimate of http/dialect-prompt.ts; ends with a full stop. */
export function replyText(random: Random, tokens: number): string {
  if (tokens <= 0) return '';
  let text = '';
  let bits = 0;
  for (let word = 0; word < tokens; word += 1) {
    if (word % WORDS_PER_DRAW === 0) bits = random.uint32();
    text += `${WORDS[bits & 63]!} `;
    bits >>>= 6;
  }
  return `${text.slice(0, -1)}.`;
}
