/**
 * Secrets and addresses that turn up in prompts. Patterns of fixed shape only: each is linear in
 * its input, and none is meant to find everything. Content is recorded only on request.
 */
const PATTERNS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['key', /\b(?:sk|pk|rk)-[\w-]{8,}/g],
  ['aws-key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g],
  ['github-token', /\bgh[opsu]_\w{20,}/g],
  ['slack-token', /\bxox[abprs]-[\w-]{10,}/g],
  ['jwt', /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g],
  ['bearer', /\bBearer\s+[\w.~+/=-]{8,}/gi],
  ['private-key', /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----/g],
  ['url-userinfo', /\b(https?:\/\/)[^\s/@:]{1,256}:[^\s/@]{1,256}@/g],
  ['e-mail', /\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b/g],
];

/** A name is short and has few words; whatever is called a name and is longer is prose. */
const LONGEST_NAME = 128;
const MOST_WORDS_OF_A_NAME = 6;

/** The text when it can pass for the name of a model, tool or agent and holds no known secret. */
export function nameOf(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST_NAME) return undefined;
  if (text.split(/\s+/).length > MOST_WORDS_OF_A_NAME) return undefined;
  return redact(text) === text ? text : undefined;
}

/** The text with everything that looks like a credential or an e-mail address taken out. */
export function redact(text: string): string {
  let result = text;
  for (const [name, pattern] of PATTERNS) {
    result = result.replaceAll(
      pattern,
      name === 'url-userinfo' ? '$1[redacted]@' : `[redacted:${name}]`,
    );
  }
  return result;
}
