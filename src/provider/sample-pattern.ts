import type { Random } from '../core/random.ts';

/** Characters of one sample at most: patterns come from clients. */
const LONGEST = 10_000;

/** Groups within groups, so that a hostile pattern cannot exhaust the stack. */
const DEEPEST = 50;

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const WORD = `${DIGITS}${LOWER.toUpperCase()}_${LOWER}`;
const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index)).join(
  '',
);

const CLASSES: Readonly<Record<string, string>> = { d: DIGITS, w: WORD, s: ' ' };
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' };

export interface PatternBounds {
  readonly minLength: number;
  readonly maxLength: number;
}

/**
 * A text that matches a regular expression as JSON Schemas use it: literals, classes, escapes,
 * groups, alternatives, quantifiers, `^` and `$` at the ends. Undefined for what it does not read
 * (look-around, back references, word boundaries, Unicode properties) and when no text of the
 * wanted length is found. The expression is only read, never run: a client's pattern could take
 * for ever to match.
 */
export function samplePattern(
  pattern: string,
  random: Random,
  { minLength, maxLength }: PatternBounds,
): string | undefined {
  const shortest = new Sampler(pattern, random, 0).sample();
  if (shortest === undefined || shortest.length > maxLength) return undefined;
  if (shortest.length >= minLength) return shortest;
  const longer = new Sampler(pattern, random, minLength - shortest.length).sample();
  const fits = longer !== undefined && longer.length >= minLength && longer.length <= maxLength;
  return fits ? longer : undefined;
}

/** What a pattern means that is not understood. */
class UnreadError extends Error {}

class Sampler {
  readonly #pattern: string;
  readonly #random: Random;
  /** Characters to add where a quantifier allows them. */
  #extra: number;
  #at = 0;
  #depth = 0;

  constructor(pattern: string, random: Random, extra: number) {
    this.#pattern = pattern;
    this.#random = random;
    this.#extra = extra;
  }

  sample(): string | undefined {
    try {
      const text = this.#alternatives();
      return this.#at === this.#pattern.length ? text : undefined;
    } catch (thrown) {
      if (thrown instanceof UnreadError) return undefined;
      throw thrown;
    }
  }

  #alternatives(): string {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new UnreadError();
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#depth -= 1;
    return options.length === 1 ? options[0]! : this.#random.pick(options);
  }

  #sequence(): string {
    let text = '';
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at]!)) {
      text += this.#term();
      if (text.length > LONGEST) throw new UnreadError();
    }
    return text;
  }

  /** One atom as often as its quantifier says; every round is a sample of its own. */
  #term(): string {
    if (this.#take('^') || this.#take('$')) return '';
    const start = this.#at;
    const first = this.#atom();
    const [least, most] = this.#quantifier();
    const end = this.#at;
    const room = Math.min(most, LONGEST) - least;
    const added = first === '' ? 0 : Math.min(room, Math.ceil(this.#extra / first.length));
    this.#extra = Math.max(0, this.#extra - added * first.length);
    const rounds = least + added;
    let text = rounds > 0 ? first : '';
    for (let round = 1; round < rounds && text.length <= LONGEST; round += 1) {
      this.#at = start;
      text += this.#atom();
    }
    this.#at = end;
    return text;
  }

  #atom(): string {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return this.#random.pick(Array.from(this.#class()));
      case '.':
        return this.#random.pick(Array.from(LOWER));
      case '\\':
        return this.#random.pick(Array.from(this.#escape()));
      case '*':
      case '+':
      case '?':
      case '{':
      case ')':
        throw new UnreadError();
      default:
        return character;
    }
  }

  #group(): string {
    if (this.#take('?')) {
      const isNamed =
        this.#pattern[this.#at] === '<' && !'=!'.includes(this.#pattern[this.#at + 1]!);
      if (isNamed) {
        const end = this.#pattern.indexOf('>', this.#at);
        if (end === -1) throw new UnreadError();
        this.#at = end + 1;
      } else if (!this.#take(':')) throw new UnreadError(); // look-around
    }
    const text = this.#alternatives();
    if (!this.#take(')')) throw new UnreadError();
    return text;
  }

  /** The characters of a class; of a negated one, those printable ASCII ones that are not in it. */
  #class(): string {
    const isNegated = this.#take('^');
    let members = '';
    while (!this.#take(']')) {
      const from = this.#member();
      const isRange =
        from.length === 1 && this.#pattern[this.#at] === '-' && this.#pattern[this.#at + 1] !== ']';
      if (!isRange) {
        members += from;
        continue;
      }
      this.#at += 1;
      const to = this.#member();
      const last = to.codePointAt(0)!;
      const first = from.codePointAt(0)!;
      if (to.length !== 1 || last < first || last - first > LONGEST) throw new UnreadError();
      for (let code = first; code <= last; code += 1) members += String.fromCodePoint(code);
    }
    const chosen = isNegated
      ? Array.from(PRINTABLE)
          .filter((character) => !members.includes(character))
          .join('')
      : members;
    if (chosen === '') throw new UnreadError();
    return chosen;
  }

  #member(): string {
    const character = this.#next();
    return character === '\\' ? this.#escape() : character;
  }

  /** The characters an escape stands for. */
  #escape(): string {
    const letter = this.#next();
    const known = CLASSES[letter] ?? CONTROLS[letter];
    if (known !== undefined) return known;
    const negated = CLASSES[letter.toLowerCase()];
    if (negated !== undefined) {
      return Array.from(PRINTABLE)
        .filter((character) => !negated.includes(character))
        .join('');
    }
    if (letter === 'x' || letter === 'u') return this.#codePoint(letter === 'x' ? 2 : 4);
    if (/[\da-z]/i.test(letter)) throw new UnreadError();
    return letter;
  }

  #codePoint(digits: number): string {
    const hex = this.#pattern.slice(this.#at, this.#at + digits);
    if (!/^[\da-f]+$/i.test(hex) || hex.length < digits) throw new UnreadError();
    this.#at += digits;
    return String.fromCodePoint(Number.parseInt(hex, 16));
  }

  #quantifier(): readonly [least: number, most: number] {
    let bounds: readonly [number, number] = [1, 1];
    if (this.#take('?')) bounds = [0, 1];
    else if (this.#take('*')) bounds = [0, Number.POSITIVE_INFINITY];
    else if (this.#take('+')) bounds = [1, Number.POSITIVE_INFINITY];
    else {
      const counted = /^\{(\d{1,5})(,?)(\d{0,5})\}/.exec(
        this.#pattern.slice(this.#at, this.#at + 14),
      );
      if (counted === null) return bounds;
      const [whole, from, comma, to] = counted;
      const least = Number(from);
      const most = comma === '' ? least : to === '' ? Number.POSITIVE_INFINITY : Number(to);
      if (most < least) throw new UnreadError();
      this.#at += whole.length;
      bounds = [least, most];
    }
    this.#take('?'); // lazy: the same texts
    return bounds;
  }

  #next(): string {
    const character = this.#pattern[this.#at];
    if (character === undefined) throw new UnreadError();
    this.#at += 1;
    return character;
  }

  #take(character: string): boolean {
    if (this.#pattern[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }
}
