import { hashOfText } from '../core/text-hash.ts';

/**
 * What calls are told apart by: `a:` and the agent's name, else `u:` and the hash of the user or key
 * that sent them, else nothing. One line of text, so that totals are kept by it.
 */
export type AgentKey = string;

export const UNNAMED: AgentKey = '';

const AGENT = 'a:';
const CLIENT = 'u:';
const SUB_AGENT = 'sub-agent';
const LONGEST_NAME = 64;

/** Names the agents of a trace; looks at each name once. */
export class AgentKeys {
  readonly #known = new Map<string, AgentKey>();

  /** @param agent of the call; absent for the session's main agent */
  keyOf(agent: string | undefined, { agent: main, user }: Owner): AgentKey {
    if (agent !== undefined) return this.#named(agent, SUB_AGENT);
    if (main !== undefined) {
      const key = this.#named(main, '');
      if (key !== AGENT) return key;
    }
    return user === undefined ? UNNAMED : `${CLIENT}${hashOfText(user)}`;
  }

  #named(name: string, idName: string): AgentKey {
    let key = this.#known.get(name);
    if (key === undefined) {
      key = AGENT + (kindOf(name) ?? idName);
      // Names are few; ids are not, and need no place.
      if (this.#known.size < MOST_KNOWN) this.#known.set(name, key);
    }
    return key;
  }
}

const MOST_KNOWN = 4096;

interface Owner {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
}

/** The agent's name, undefined when the key holds none. */
export function nameOf(key: AgentKey): string | undefined {
  return key.startsWith(AGENT) ? key.slice(AGENT.length) : undefined;
}

export function clientOf(key: AgentKey): number | undefined {
  return key.startsWith(CLIENT) ? Number(key.slice(CLIENT.length)) : undefined;
}

/** The key with the number of its client replaced. */
export function renamedKey(key: AgentKey, rename: (client: number) => number): AgentKey {
  const client = clientOf(key);
  return client === undefined ? key : `${CLIENT}${rename(client)}`;
}

/** `Explore 2` is one of several `Explore`; undefined for ids, which say nothing and stay here. */
function kindOf(name: string): string | undefined {
  const kind = name.replace(/ \d+$/, '').trim().slice(0, LONGEST_NAME);
  return kind === '' || kind.split(/[^a-z\d]+/i).some(isId) ? undefined : kind;
}

/** Hexadecimal of six digits or more, or a long mixture of letters and digits. */
function isId(word: string): boolean {
  if (!/\d/.test(word)) return false;
  return /^[\da-f]{6,}$/i.test(word) || (word.length >= 12 && /\d.*\d.*\d/.test(word));
}
