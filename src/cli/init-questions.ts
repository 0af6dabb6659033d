import { bundledNames } from '../config/bundled.ts';

/** What decides the files; every field has been given, asked for, or taken by default. */
export interface InitChoices {
  readonly workload: string;
  readonly providers: readonly string[];
  readonly ci: 'github' | 'gitlab' | 'both' | 'none';
}

/** Asks one question; undefined when the person leaves (Ctrl-C, Ctrl-D). */
export interface Prompt {
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly say: (text: string) => void;
  readonly close: () => void;
}

/** Asks for what was not given; an empty answer takes the default. Undefined when the person left. */
export async function askChoices(
  given: { readonly [key in keyof InitChoices]: InitChoices[key] | undefined },
  defaults: InitChoices,
  prompt: Prompt,
): Promise<InitChoices | undefined> {
  try {
    const workload =
      given.workload ??
      (await pick(prompt, {
        question: 'Which workload? (a file of your own, or a bundled one)',
        names: bundledNames('profile'),
        usual: defaults.workload,
        others: true,
      }));
    if (workload === undefined) return undefined;
    const providers =
      given.providers ??
      (await pickList(prompt, {
        question:
          'Which providers? (joined by commas; the first answers the calls, the others could)',
        names: bundledNames('provider'),
        usual: defaults.providers.join(','),
      }));
    if (providers === undefined) return undefined;
    const ci =
      given.ci ??
      ((await pick(prompt, {
        question: 'Which CI pipeline?',
        names: ['github', 'gitlab', 'both', 'none'],
        usual: defaults.ci,
        others: false,
      })) as InitChoices['ci'] | undefined);
    return ci === undefined ? undefined : { workload, providers, ci };
  } finally {
    prompt.close();
  }
}

interface Question {
  readonly question: string;
  readonly names: readonly string[];
  /** Taken by Enter. */
  readonly usual: string;
}

/** One name, by its number or itself; `others` also takes what is not listed (a file). */
async function pick(
  prompt: Prompt,
  { names, others, question, usual }: Question & { readonly others: boolean },
): Promise<string | undefined> {
  list(prompt, question, names);
  for (;;) {
    const answer = (await prompt.ask(`[${usual}] `))?.trim();
    if (answer === undefined) return undefined;
    if (answer === '') return usual;
    const name = named(answer, names);
    if (names.includes(name) || (others && /[/\\]|\.ya?ml$/.test(name))) return name;
    prompt.say(`"${answer}" is none of these${others ? ' and no YAML file' : ''}.\n`);
  }
}

async function pickList(
  prompt: Prompt,
  { names, question, usual }: Question,
): Promise<readonly string[] | undefined> {
  list(prompt, question, names);
  for (;;) {
    const answer = (await prompt.ask(`[${usual}] `))?.trim();
    if (answer === undefined) return undefined;
    const parts = (answer === '' ? usual : answer).split(/[\s,]+/).map((one) => named(one, names));
    const wrong = parts.find((part) => !names.includes(part.split('/')[0]!));
    if (wrong === undefined) return parts;
    prompt.say(`"${wrong}" is none of these.\n`);
  }
}

function list(prompt: Prompt, question: string, names: readonly string[]): void {
  prompt.say(`${question}\n`);
  for (const [index, name] of names.entries()) {
    prompt.say(`  ${String(index + 1).padStart(2)}  ${name}\n`);
  }
}

function named(answer: string, names: readonly string[]): string {
  return /^\d+$/.test(answer) ? (names[Number(answer) - 1] ?? answer) : answer;
}
