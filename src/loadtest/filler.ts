import { Random } from '../core/random.ts';

/**
 * Meaningless text of a known length. The words are common English words of three letters: with
 * the space in front each is one token for the byte-pair tokenizers in use, and four characters,
 * so that counters by "characters / 4" agree too. The k6 script carries the same words and the
 * same stream (loadtest/k6-script.ts), so both engines send the same bytes.
 */
const FILLER_WORDS = (
  'the and for are but not you all any can had her was one our out day get has him his how man ' +
  'new now old see two way who boy did its let put say she too use big red cut hot run sun sea'
).split(' ');

/** Words before the text repeats; longer than any prompt block a cache keeps apart. */
const STREAM_WORDS = 65_536;

/** One word and its space. */
const CHARACTERS_PER_WORD = 4;

let stream: string | undefined;

/** `characters` characters of filler from the place `offset` (in words) on; deterministic. */
export function fillerText(characters: number, offset: number): string {
  stream ??= fillerStream();
  let text = '';
  let at = (offset % STREAM_WORDS) * CHARACTERS_PER_WORD;
  for (let left = characters; left > 0; at = 0) {
    const part = stream.slice(at, at + left);
    text += part;
    left -= part.length;
  }
  return text;
}

/** The whole stream: word i is drawn by the seeded generator "filler". */
export function fillerStream(): string {
  const random = new Random('filler');
  let text = '';
  for (let index = 0; index < STREAM_WORDS; index += 1) text += `${random.pick(FILLER_WORDS)} `;
  return text;
}
