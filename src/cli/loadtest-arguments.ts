import { InvalidArgumentError } from '@commander-js/extra-typings';

/** An argument that counts something; commander shows the message with the option's name. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0.');
}

/** A repeatable option. */
export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
