import type { Random } from '../../core/random.ts';

/**
 * What the scripted agent says. Written for this demo; none of it may appear in any file that the
 * demo writes (test/e2e/demo.test.ts looks for these words).
 */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly medianMs: number;
  readonly resultTokens: number;
}

export const TOOLS: readonly ToolSpec[] = [
  {
    name: 'search_docs',
    description: 'Searches the handbook of the harbour authority and returns passages.',
    medianMs: 90,
    resultTokens: 220,
  },
  {
    name: 'read_file',
    description: 'Reads one page of the archive by its number.',
    medianMs: 40,
    resultTokens: 380,
  },
  {
    name: 'run_query',
    description: 'Runs a read-only query against the table of ship movements.',
    medianMs: 240,
    resultTokens: 140,
  },
  {
    name: 'delegate',
    description: 'Gives a part of the question to a colleague who works on it alone.',
    medianMs: 0,
    resultTokens: 0,
  },
];

/** A sub-agent looks things up and hands nothing on. */
export const SUB_TOOLS = TOOLS.filter(({ name }) => name === 'search_docs');

export const QUESTIONS = [
  'Which berths were free on the morning of the storm, and who decided about them?',
  'Compare the lock waiting times of this quarter with the one before.',
  'Why was the third crane stopped, and what did the inspector write?',
  'List the vessels that left without a pilot and the rule that allowed it.',
  'What would change if the night shift started one hour later?',
  'Summarise the complaints about the eastern quay and sort them by cause.',
] as const;

const RULE =
  'Answer only from passages you have read, name the page for each statement, and say so when the handbook is silent. ';

/** Long enough that a provider caches it (OpenAI caches prefixes from 1,024 tokens on). */
export const INSTRUCTIONS = `You are the research assistant of a harbour authority. ${RULE.repeat(48)}`;

export const SUB_INSTRUCTIONS = `You are a colleague of the research assistant. ${RULE.repeat(12)}`;

const WORDS = ['quay', 'lock', 'tide', 'crane', 'pilot', 'berth', 'ledger', 'beacon'] as const;

/** A tool's answer of about this many tokens. */
export function toolResult(tokens: number, random: Random): string {
  const count = Math.max(1, Math.round(tokens * (0.6 + 0.8 * random.uniform()) * 0.75));
  return Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]!).join(' ');
}
