import { setMaxListeners } from 'node:events';

import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random, RandomStreams } from '../../core/random.ts';
import type { ChatClient, ChatMessage, ChatReply } from './chat-client.ts';
import {
  INSTRUCTIONS,
  QUESTIONS,
  SUB_INSTRUCTIONS,
  SUB_TOOLS,
  TOOLS,
  toolResult,
} from './agent-text.ts';
import type { ToolSpec } from './agent-text.ts';

/**
 * A small research agent: it answers questions in several turns, calls tools, and hands parts of
 * the work to sub-agents that run at once. It behaves as agents do (the conversation grows, tool
 * results go back to the model, sub-agents join before the answer) and does nothing real: its
 * tools only take their time. What it asks of each turn is drawn from the seed; a real model would
 * decide that itself, the simulated one is told with a `[[sim …]]` mark.
 */
export interface AgentRun {
  readonly sessions: number;
  readonly turns: number;
  readonly calls: number;
  readonly toolCalls: number;
  readonly failures: number;
}

export interface AgentOptions {
  readonly client: ChatClient;
  readonly clock: Clock;
  readonly streams: RandomStreams;
  readonly sessions: number;
  /** Sessions start evenly over this time. */
  readonly overMs: number;
  readonly signal: AbortSignal;
  readonly onSession?: (done: number) => void;
}

/** Plays all sessions. @throws when aborted; failed calls are counted, not thrown */
export async function runAgents(options: AgentOptions): Promise<AgentRun> {
  const { clock, sessions, overMs, signal, streams } = options;
  const totals = { sessions: 0, turns: 0, calls: 0, toolCalls: 0, failures: 0 };
  const startMs = clock.now();
  // Every sleep and call of every session listens; the default limit of 10 only warns of leaks.
  setMaxListeners(0, signal);
  await Promise.all(
    Array.from({ length: sessions }, async (_, index) => {
      const dueMs = startMs + (index * overMs) / sessions;
      await sleep(clock, Math.max(0, dueMs - clock.now()), signal);
      const agent = new Agent(`demo-${index + 1}`, options, streams(`agent/${index}`), totals);
      await agent.session();
      totals.sessions += 1;
      options.onSession?.(totals.sessions);
    }),
  );
  return totals;
}

interface Totals {
  sessions: number;
  turns: number;
  calls: number;
  toolCalls: number;
  failures: number;
}

/** Rounds of tool calls, each a list of tools called at once. */
type TurnPlan = readonly (readonly string[])[];

/** Shares of the kinds of turn: a quick answer, a look-up, delegation, a long investigation. */
const TURN_KINDS: readonly { readonly share: number; readonly rounds: TurnPlan }[] = [
  { share: 0.2, rounds: [] },
  { share: 0.35, rounds: [['search_docs']] },
  { share: 0.15, rounds: [['search_docs', 'read_file'], ['run_query']] },
  { share: 0.2, rounds: [['delegate', 'delegate', 'delegate'], ['run_query']] },
  {
    share: 0.1,
    rounds: [['search_docs'], ['read_file', 'read_file'], ['run_query'], ['read_file']],
  },
];

/** A user reads the answer and writes the next question: seconds in life, shortened for a demo. */
const MEAN_THINK_MS = 500;
const LONGEST_THINK_MS = 1500;
const ANSWER_TOKENS = [40, 130] as const;
const TURNS = [2, 4] as const;

/** One session of the agent. */
class Agent {
  readonly #id: string;
  readonly #options: AgentOptions;
  readonly #random: Random;
  readonly #totals: Totals;
  readonly #messages: ChatMessage[] = [{ role: 'system', content: INSTRUCTIONS }];

  constructor(id: string, options: AgentOptions, random: Random, totals: Totals) {
    this.#id = id;
    this.#options = options;
    this.#random = random;
    this.#totals = totals;
  }

  async session(): Promise<void> {
    const turns = this.#between(TURNS);
    for (let turn = 0; turn < turns; turn += 1) {
      if (turn > 0) await this.#think();
      this.#totals.turns += 1;
      if (!(await this.#turn())) return;
    }
  }

  async #think(): Promise<void> {
    const ms = Math.min(LONGEST_THINK_MS, this.#random.exponential(MEAN_THINK_MS));
    await sleep(this.#options.clock, ms, this.#options.signal);
  }

  /** Asks, runs the tools the model calls, and asks again until it answers. */
  async #turn(): Promise<boolean> {
    const rounds = this.#chooseRounds();
    const script = rounds.map((tools) => tools.join(',')).join(';');
    const mark = `[[sim output=${this.#between(ANSWER_TOKENS)}${script === '' ? '' : ` tools=${script}`}]]`;
    this.#messages.push({ role: 'user', content: `${this.#question()} ${mark}` });
    for (;;) {
      const reply = await this.#call(this.#messages, TOOLS);
      if (reply === undefined) return false;
      this.#messages.push(reply.message);
      if (reply.toolCalls.length === 0) return true;
      const results = await Promise.all(
        reply.toolCalls.map(async ({ id, name }): Promise<ChatMessage> => {
          return { role: 'tool', tool_call_id: id, content: await this.#tool(name) };
        }),
      );
      this.#messages.push(...results);
    }
  }

  async #tool(name: string): Promise<string> {
    this.#totals.toolCalls += 1;
    if (name === 'delegate') return this.#delegate();
    const { medianMs = 100, resultTokens = 60 } = TOOLS.find((tool) => tool.name === name) ?? {};
    // Log-normal: most calls are quick, some take several times as long.
    const ms = medianMs * Math.exp(0.5 * this.#random.normal());
    await sleep(this.#options.clock, ms, this.#options.signal);
    return toolResult(resultTokens, this.#random);
  }

  /** A sub-agent with its own short conversation: one call, or two with a look-up between. */
  async #delegate(): Promise<string> {
    const isLooking = this.#random.uniform() < 0.5;
    const mark = `[[sim output=${this.#between(ANSWER_TOKENS)}${isLooking ? ' tools=search_docs' : ''}]]`;
    const messages: ChatMessage[] = [
      { role: 'system', content: SUB_INSTRUCTIONS },
      { role: 'user', content: `${this.#question()} ${mark}` },
    ];
    const first = await this.#call(messages, SUB_TOOLS);
    if (first === undefined || first.toolCalls.length === 0) return first?.message.content ?? '';
    messages.push(first.message);
    for (const { id, name } of first.toolCalls) {
      messages.push({ role: 'tool', tool_call_id: id, content: await this.#tool(name) });
    }
    return (await this.#call(messages, SUB_TOOLS))?.message.content ?? '';
  }

  async #call(
    messages: readonly ChatMessage[],
    tools: readonly ToolSpec[],
  ): Promise<ChatReply | undefined> {
    this.#totals.calls += 1;
    const { client, signal } = this.#options;
    const reply = await client.send({ session: this.#id, messages, tools }, signal);
    if (reply === undefined) this.#totals.failures += 1;
    return reply;
  }

  #chooseRounds(): TurnPlan {
    let left = this.#random.uniform();
    for (const { rounds, share } of TURN_KINDS) {
      left -= share;
      if (left < 0) return rounds;
    }
    return [];
  }

  #question(): string {
    return QUESTIONS[this.#random.integer(QUESTIONS.length)]!;
  }

  #between([low, high]: readonly [number, number]): number {
    return low + this.#random.integer(high - low + 1);
  }
}
