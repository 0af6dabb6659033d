import { NO_TOKENS } from '../core/tokens.ts';
import type { LlmCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { SessionAsks } from './ask-print.ts';
import type { GeminiMessage, GeminiTool } from './gemini-message.ts';
import type { Tally } from './tally.ts';

/** All that was recorded of one agent, also when it is spread over files. */
export interface GeminiChat {
  /** Unique: the session's id, or of an older sub-agent's file, which has its parent's id, its name. */
  readonly key: string;
  readonly sessionId: string;
  readonly isSubAgent: boolean;
  /** Session whose tool ran it, where the file's place says so. */
  readonly parentId: string | undefined;
  /** In the order they were first seen. */
  readonly messages: ReadonlyMap<string, GeminiMessage>;
}

interface Family {
  readonly session: AgentSession;
  readonly asks: SessionAsks;
  readonly inner: StepDraft[];
}

interface Origin {
  readonly by: StepDraft<LlmCall>;
  readonly name: string;
}

/** Builds sessions of recorded chats; those of sub-agents become threads of the session above. */
export class GeminiSessions {
  readonly #tally: Tally;
  readonly #chats: ReadonlyMap<string, GeminiChat>;
  /** By sub-agent's session: the key of the chat whose tool ran it. */
  readonly #parents = new Map<string, string>();
  readonly #families = new Map<string, Family>();
  readonly #origins = new Map<string, Origin>();

  constructor(tally: Tally, chats: ReadonlyMap<string, GeminiChat>) {
    this.#tally = tally;
    this.#chats = chats;
    for (const { key, messages } of chats.values())
      for (const { tools } of messages.values())
        for (const { agentId } of tools) if (agentId !== undefined) this.#parents.set(agentId, key);
  }

  /** Chats come in order of their start, so that who starts another comes before it. */
  add(chat: GeminiChat): void {
    const family = this.#familyOf(this.#rootOf(chat));
    const isMain = family.session.id === chat.key;
    const thread = isMain ? family.session.main : family.session.thread(chat.key);
    const origin = this.#origins.get(chat.sessionId);
    thread.origin = isMain ? undefined : origin?.by;
    const agent = isMain ? undefined : thread.agent(origin?.name ?? 'sub-agent');
    const messages = [...chat.messages.values()].toSorted((a, b) => a.atMs - b.atMs);
    let inputMs: number | undefined;
    for (const message of messages) {
      if (message.type === 'user') {
        if (message.isPrompt && isMain) startTurn(family, message);
        if (message.isPrompt) inputMs = message.atMs;
      } else if (isAnswer(message)) {
        const details = isMain ? family.asks.take() : undefined;
        const drafts = this.#answer(message, { thread, inputMs, agent, details });
        if (!isMain) family.inner.push(...drafts);
        inputMs = toolsEndMs(message);
      }
    }
  }

  /** Hands over all sessions. */
  end(): void {
    for (const { session, inner } of this.#families.values()) {
      session.settleByTime(inner);
      const built = session.build();
      if (built !== undefined) this.#tally.session(built);
    }
  }

  #familyOf(key: string): Family {
    let family = this.#families.get(key);
    if (family === undefined) {
      const session = new AgentSession(key, { agent: 'gemini-cli' });
      family = { session, asks: new SessionAsks(key), inner: [] };
      this.#families.set(key, family);
    }
    return family;
  }

  #rootOf(chat: GeminiChat): string {
    const seen = new Set<string>();
    let root = chat;
    for (;;) {
      seen.add(root.key);
      const parent = root.isSubAgent ? this.#parentOf(root) : undefined;
      if (parent === undefined || seen.has(parent.key)) return root.key;
      root = parent;
    }
  }

  #parentOf({ sessionId, parentId }: GeminiChat): GeminiChat | undefined {
    const byTool = this.#chats.get(this.#parents.get(sessionId) ?? '');
    return byTool ?? (parentId === undefined ? undefined : this.#chats.get(parentId));
  }

  /**
   * A message is written when its answer is complete; versions before 2026-03 wrote one that only
   * calls tools when those were done: its end is then not known.
   */
  #answer(
    message: GeminiMessage,
    at: Pick<LlmCall, 'agent' | 'details'> & {
      readonly thread: Thread;
      readonly inputMs: number | undefined;
    },
  ): readonly StepDraft[] {
    const { thread, inputMs } = at;
    const { atMs, model, tokens } = message;
    const isBeforeTools = message.tools.every(
      (tool) => tool.atMs === undefined || tool.atMs > atMs,
    );
    const startMs = inputMs !== undefined && inputMs <= atMs ? inputMs : atMs;
    const endMs = isBeforeTools && startMs === inputMs ? atMs : undefined;
    const call = thread.call({
      startMs,
      endMs,
      model,
      provider: 'google',
      operation: 'chat',
      tokens: tokens ?? NO_TOKENS,
      tokensBasis: tokens === undefined ? 'missing' : 'reported',
      attempts: [{ startMs, endMs }],
      agent: at.agent,
      details: at.details,
    });
    const tools = message.tools.map((tool) =>
      this.#tool(tool, { call, thread, answeredMs: isBeforeTools ? atMs : undefined }),
    );
    return [call, ...tools];
  }

  #tool(
    tool: GeminiTool,
    at: {
      readonly call: StepDraft<LlmCall>;
      readonly thread: Thread;
      readonly answeredMs: number | undefined;
    },
  ): StepDraft {
    const { call, thread, answeredMs } = at;
    const { agentId, agentName, name } = tool;
    const draft = thread.tool(
      {
        startMs: answeredMs ?? tool.atMs ?? call.step.startMs,
        endMs: answeredMs === undefined ? undefined : tool.atMs,
        name,
        error: tool.failed ? true : undefined,
        argumentsHash: tool.argumentsHash,
      },
      call,
    );
    thread.deliver(draft);
    if (agentId !== undefined && !this.#origins.has(agentId))
      this.#origins.set(agentId, { by: call, name: agentName ?? name });
    return draft;
  }
}

function startTurn({ session, asks }: Family, { atMs, ask }: GeminiMessage): void {
  session.startTurn(atMs);
  if (ask !== undefined) asks.asked(ask);
}

/** Not what the client puts in the model's place (summaries, snapshots): that has neither. */
function isAnswer({ type, model, tokens }: GeminiMessage): boolean {
  return type === 'gemini' && (model !== undefined || tokens !== undefined);
}

/** When the model was given the results of its tools. */
function toolsEndMs({ tools, atMs }: GeminiMessage): number | undefined {
  let endMs: number | undefined;
  for (const tool of tools) endMs = Math.max(endMs ?? atMs, tool.atMs ?? atMs);
  return endMs;
}
