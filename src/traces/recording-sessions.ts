import { hashOfText } from '../core/text-hash.ts';
import { NO_TOKENS } from '../core/tokens.ts';
import type { Attempt, LlmCall, Session, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import type { RecordedCall, RecordedId } from './recording-format.ts';

/** A failed call with the same body after longer than this is a new call, not a retry (SDKs wait ≤ 60 s). */
const LONGEST_RETRY_GAP_MS = 120_000;

interface Node {
  readonly recorded: RecordedCall;
  readonly draft: StepDraft<LlmCall>;
  readonly attempts: Attempt[];
  readonly conversation: Conversation;
  readonly thread: Thread;
  /** Tools it asked for, in flight until their end is set. */
  readonly tools: StepDraft<ToolCall>[];
  endMs: number;
  isContinued: boolean;
}

interface ToolOwner {
  readonly node: Node;
  readonly tool: StepDraft<ToolCall>;
}

interface Conversation {
  readonly session: AgentSession;
  readonly nodes: Node[];
  /** Side threads and the calls that they began at. */
  readonly sides: { readonly origin: Node; readonly thread: Thread }[];
  threads: number;
}

type LlmFields = Omit<LlmCall, 'id' | 'after' | 'kind'>;

/** Puts recorded calls, given in order of their starts, back into conversations. */
export class ConversationBuilder {
  /** Calls that belong to no conversation (embeddings). */
  readonly bareCalls: LlmCall[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #bySessionId = new Map<string, Conversation>();
  readonly #byReply = new Map<string, Node>();
  readonly #byChain = new Map<string, Node[]>();
  readonly #toolOwners = new Map<string, ToolOwner[]>();
  /** Last failed call by body. */
  readonly #failed = new Map<string, Node>();

  add(recorded: RecordedCall, blockTokens: number): void {
    const fields = llmFields(recorded, blockTokens);
    if (recorded.endpoint === 'embeddings') {
      this.bareCalls.push({ kind: 'llm', id: '1', after: [], ...fields });
      return;
    }
    const earlier = this.#retried(recorded);
    if (earlier !== undefined) {
      this.#retry(earlier, recorded, fields);
      return;
    }
    const parent = this.#parentOf(recorded);
    const conversation = this.#conversationOf(recorded, parent);
    const isMain = this.#isMain(recorded, parent, conversation);
    const { main } = conversation.session;
    const thread = isMain ? main : this.#sideThread(recorded, parent, conversation);
    if (isMain && startsTurn(recorded, conversation)) conversation.session.startTurn(recorded.atMs);
    this.#deliver(recorded, parent, thread);
    const attempts = [attemptOf(recorded)];
    const draft = thread.call({
      ...fields,
      attempts,
      agent: isMain ? undefined : thread.agent('sub-agent'),
    });
    const endMs = recorded.atMs + recorded.endMs;
    const state = { tools: [], endMs, isContinued: false };
    const node: Node = { recorded, draft, attempts, conversation, thread, ...state };
    if (parent !== undefined) parent.isContinued = true;
    conversation.nodes.push(node);
    this.#remember(node, recorded);
  }

  *sessions(): Generator<Session> {
    for (const { session } of this.#conversations) {
      const built = session.build();
      if (built !== undefined) yield built;
    }
  }

  /** The call that this one tries again: same body, and it failed shortly before. */
  #retried(recorded: RecordedCall): Node | undefined {
    const node = this.#failed.get(recorded.request.hash);
    if (node === undefined || node.endMs > recorded.atMs) return undefined;
    return recorded.atMs - node.endMs <= LONGEST_RETRY_GAP_MS ? node : undefined;
  }

  #retry(node: Node, recorded: RecordedCall, fields: LlmFields): void {
    const { startMs } = node.draft.step;
    node.attempts.push(attemptOf(recorded));
    node.endMs = recorded.atMs + recorded.endMs;
    // The caller's time to first token runs from its first try.
    const ttftMs =
      fields.ttftMs === undefined ? undefined : recorded.atMs + fields.ttftMs - startMs;
    const { error, finishReason, model, tokens, tokensBasis } = fields;
    Object.assign(node.draft.step, { error, finishReason, model, tokens, tokensBasis, ttftMs });
    node.draft.step.endMs = node.endMs;
    this.#remember(node, recorded);
  }

  #remember(node: Node, recorded: RecordedCall): void {
    const { outcome, replyId, request, toolCalls } = recorded;
    if (outcome === 'complete') this.#failed.delete(request.hash);
    else this.#failed.set(request.hash, node);
    if (replyId !== undefined) this.#byReply.set(replyId, node);
    const last = request.chain.at(-1);
    if (last !== undefined) {
      const known = this.#byChain.get(last);
      if (known === undefined) this.#byChain.set(last, [node]);
      else if (!known.includes(node)) known.push(node);
    }
    for (const { id, name, argumentsHash } of toolCalls) {
      const tool = node.thread.tool({ startMs: node.endMs, name, argumentsHash }, node.draft);
      node.tools.push(tool);
      const owners = this.#toolOwners.get(id);
      if (owners === undefined) this.#toolOwners.set(id, [{ node, tool }]);
      else owners.push({ node, tool });
    }
  }

  /** The call whose conversation this one goes on with; the surest sign first. */
  #parentOf(recorded: RecordedCall): Node | undefined {
    const { atMs, request } = recorded;
    for (const { id } of request.toolResults) {
      const owner = this.#toolOwner(id, recorded);
      if (owner !== undefined) return owner;
    }
    const previous = request.ids?.previousReply;
    const replied = previous === undefined ? undefined : this.#byReply.get(previous);
    if (replied !== undefined) return replied;
    for (let length = request.chain.length - 1; length > 0; length -= 1) {
      const nodes = (this.#byChain.get(request.chain[length - 1]!) ?? []).filter(
        (node) =>
          node.endMs <= atMs &&
          isSame(node.recorded, recorded, 'session') &&
          isSame(node.recorded, recorded, 'agent'),
      );
      // Of equal conversations the one that nobody has gone on with yet.
      const node = nodes.findLast(({ isContinued }) => !isContinued) ?? nodes.at(-1);
      if (node !== undefined) return node;
    }
    return undefined;
  }

  /**
   * Ids may repeat in scripted agents: then the messages say whose result it is, and of equal
   * conversations it is the one that nobody has gone on with yet.
   */
  #toolOwner(id: string, { atMs, request }: RecordedCall): Node | undefined {
    const owners = this.#toolOwners.get(id) ?? [];
    if (owners.length < 2) return owners[0]?.node;
    const nodes = owners
      .map(({ node }) => node)
      .filter(({ endMs, recorded }) => {
        const asked = recorded.request.chain;
        return endMs <= atMs && request.chain[asked.length - 1] === asked.at(-1);
      });
    return nodes.find(({ isContinued }) => !isContinued) ?? nodes.at(-1);
  }

  #conversationOf({ request }: RecordedCall, parent: Node | undefined): Conversation {
    const id = request.ids?.session;
    const known =
      parent?.conversation ?? (id === undefined ? undefined : this.#bySessionId.get(id));
    if (known !== undefined) return known;
    const name = id ?? `conversation-${this.#conversations.length + 1}`;
    const session = new AgentSession(name, { user: request.ids?.user });
    const fresh = { session, nodes: [], sides: [], threads: 0 };
    this.#conversations.push(fresh);
    if (id !== undefined) this.#bySessionId.set(id, fresh);
    return fresh;
  }

  /**
   * The main thread goes on from its own calls. A call that names another agent is that agent's. A
   * call beside a running one is a side thread, and so is one that shares no messages with the main
   * thread, unless it has the same tools and neither a call nor a tool of the main thread runs: then
   * the history was rewritten (compaction).
   */
  #isMain(recorded: RecordedCall, parent: Node | undefined, conversation: Conversation): boolean {
    const { nodes, session } = conversation;
    if (nodes.length === 0) return true;
    const main = nodes.findLast(({ thread }) => thread === session.main);
    const agent = recorded.request.ids?.agent;
    if (agent !== undefined && agent !== main?.recorded.request.ids?.agent) return false;
    if (parent !== undefined && parent.thread !== session.main) return false;
    if (nodes.some(({ endMs, thread }) => thread === session.main && endMs > recorded.atMs))
      return false;
    if (parent !== undefined) return true;
    if (main === undefined || hasOpenTools(main)) return false;
    return main.recorded.request.toolsHash === recorded.request.toolsHash;
  }

  #sideThread(
    { request }: RecordedCall,
    parent: Node | undefined,
    conversation: Conversation,
  ): Thread {
    const { main } = conversation.session;
    const { agent, parentAgent } = request.ids ?? {};
    const known = lastOf(agent, conversation)?.thread;
    if (known !== undefined && known !== main) return known;
    const isFork = agent !== undefined || parent?.thread === main || parent?.isContinued === true;
    if (parent !== undefined && !isFork) return parent.thread;
    conversation.threads += 1;
    const thread = conversation.session.thread(String(conversation.threads));
    const { nodes } = conversation;
    const asking = nodes.findLast((node) => node.thread === main && hasOpenTools(node));
    const origin = parent ?? lastOf(parentAgent, conversation) ?? asking;
    thread.origin = origin?.draft;
    if (origin !== undefined) conversation.sides.push({ origin, thread });
    return thread;
  }

  /** Ends the tools whose results this request brings; its call waited for them. */
  #deliver({ atMs, request }: RecordedCall, parent: Node | undefined, thread: Thread): void {
    for (const { id, isError } of request.toolResults) {
      const owners = this.#toolOwners.get(id) ?? [];
      const owner = owners.find(({ node }) => node === parent) ?? owners.at(-1);
      if (owner === undefined || owner.tool.step.endMs !== undefined) continue;
      owner.tool.step.endMs = Math.max(atMs, owner.tool.step.startMs);
      if (isError === true) owner.tool.step.error = true;
      thread.deliver(owner.tool);
    }
    if (parent === undefined || request.toolResults.length === 0) return;
    // The tools were sub-agents, or ran beside them: the call that asked for them waits for both.
    const { conversation } = parent;
    for (const side of conversation.sides.filter(({ origin }) => origin === parent)) {
      const last = conversation.nodes.findLast((node) => node.thread === side.thread);
      if (last !== undefined && side.thread !== thread && last.endMs <= atMs)
        thread.deliver(last.draft);
    }
  }
}

function hasOpenTools({ tools }: Node): boolean {
  return tools.some(({ step }) => step.endMs === undefined);
}

/** A new turn: what follows the model's last words is the user's, not a tool's. */
function startsTurn({ request }: RecordedCall, { nodes }: Conversation): boolean {
  if (nodes.length === 0) return true;
  const tail = request.roles.slice(request.roles.lastIndexOf('a') + 1);
  return tail.includes('u') && !tail.includes('t');
}

/** Whether two calls may have the same id: not when both state one and they differ. */
function isSame(a: RecordedCall, b: RecordedCall, id: RecordedId): boolean {
  const [one, other] = [a.request.ids?.[id], b.request.ids?.[id]];
  return one === undefined || other === undefined || one === other;
}

/** The last call of the sub-agent with this id. */
function lastOf(agent: string | undefined, { nodes }: Conversation): Node | undefined {
  if (agent === undefined) return undefined;
  return nodes.findLast(({ recorded }) => recorded.request.ids?.agent === agent);
}

function attemptOf({ atMs, endMs, error, outcome, status }: RecordedCall): Attempt {
  return {
    startMs: atMs,
    endMs: atMs + endMs,
    status,
    error: outcome === 'complete' ? undefined : (error ?? outcome),
  };
}

function llmFields(recorded: RecordedCall, blockTokens: number): LlmFields {
  const { atMs, endMs, error, firstTokenMs, outcome, request, tokens } = recorded;
  return {
    startMs: atMs,
    endMs: atMs + endMs,
    model: recorded.servedModel ?? recorded.requestedModel,
    provider: recorded.provider,
    operation: recorded.endpoint === 'embeddings' ? 'embedding' : 'chat',
    tokens: tokens ?? NO_TOKENS,
    tokensBasis: recorded.tokensBasis,
    ttftMs: recorded.stream ? firstTokenMs : undefined,
    streamed: recorded.stream,
    attempts: [attemptOf(recorded)],
    error: outcome === 'complete' ? undefined : (error ?? outcome),
    finishReason: recorded.finishReason,
    prefix:
      request.prefix.length === 0
        ? undefined
        : { blockTokens, ids: request.prefix, scope: 'trace' },
    details: {
      toolsHash: request.toolsHash,
      systemHash: request.systemHash,
      promptHash: promptHash(recorded),
    },
  };
}

/** Of tools, system prompt and messages; unknown when the body was no list of messages. */
function promptHash({ request, requestedModel }: RecordedCall): number | undefined {
  const last = request.chain.at(-1);
  if (last === undefined) return undefined;
  return hashOfText([requestedModel, request.toolsHash, request.systemHash, last].join(' '));
}
