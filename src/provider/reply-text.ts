import { Random } from '../core/random.ts';

/** 64 common English words of three letters: with its space each counts as one token. */
const WORDS = (
  'the and for are but not you all any can had her was one our out day get has him his how man ' +
  'new now old see two way who boy did its let put say she too use big red cut hot run sun sea ' +
  'act add age ago air arm art ask bag bed bit box buy car cat dog eat egg'
).split(' ');
const CHARACTERS_PER_WORD = 4;

/** Words of the text that all replies are cut from: a reply is a place in it, so it costs no time. */
const POOL_WORDS = 1 << 17;

let pool: string | undefined;

/** Text of exactly `tokens` tokens by the estimate of http/dialect-prompt.ts. */
export function replyText(random: Random, tokens: number): string {
  if (tokens <= 0) return '';
  pool ??= wordPool();
  const from = random.integer(POOL_WORDS) * CHARACTERS_PER_WORD;
  const length = tokens * CHARACTERS_PER_WORD;
  let text = pool.slice(from, from + length);
  while (text.length < length) text += pool.slice(0, length - text.length);
  return text;
}

function wordPool(): string {
  const random = new Random('reply-text');
  return Array.from({ length: POOL_WORDS }, () => `${random.pick(WORDS)} `).join('');
}
