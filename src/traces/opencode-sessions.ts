import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { SessionAsks } from './ask-print.ts';
import type { LlmCall } from '../core/trace.ts';
import type { MessageRecord, PartRecord, SessionRecord } from './opencode-record.ts';
import { messageSteps, taskSteps, type StepsContext } from './opencode-steps.ts';
import type { Tally } from './tally.ts';

/** A message with its parts, in order. */
export interface OpencodeMessage {
  readonly message: MessageRecord;
  readonly parts: readonly PartRecord[];
  /** Version 2: the parts stand in the message, so that all is one record. */
  readonly isWhole: boolean;
  /** Of the input that it is made of, itself included. */
  readonly records: number;
  readonly place: string;
}

/** One stored session; `record` is missing where only its messages are in the input. */
export interface OpencodeLog {
  readonly id: string;
  readonly record: SessionRecord | undefined;
  readonly messages: readonly OpencodeMessage[];
}

interface Family {
  readonly session: AgentSession;
  readonly asks: SessionAsks;
  /** Steps of sub-agents, which stand in sessions of their own. */
  readonly inner: StepDraft[];
}

/**
 * Joins stored sessions: one that a task tool started is a sub-agent of the session above it. Books
 * every message and part. A fork copies the messages before it under new ids but with their times
 * and counts; they are counted in the session that is older.
 */
export class OpencodeSessions {
  readonly #tally: Tally;
  readonly #logs: Map<string, OpencodeLog>;
  /** By sub-agent's session: the call that started it. */
  readonly #origins = new Map<string, StepDraft<LlmCall> | undefined>();
  /** Calls counted, by what a copy keeps of them. */
  readonly #counted = new Set<string>();

  /** @param logs by session; each is given up when it is reported, since a store may be large */
  constructor(tally: Tally, logs: Map<string, OpencodeLog>) {
    this.#tally = tally;
    this.#logs = logs;
  }

  /** Hands over all sessions, the oldest first. */
  report(): void {
    const byRoot = new Map<string, string[]>();
    for (const { id } of [...this.#logs.values()].toSorted((a, b) => startOf(a) - startOf(b))) {
      const root = this.#rootOf(id);
      const ids = byRoot.get(root);
      if (ids === undefined) byRoot.set(root, [id]);
      else ids.push(id);
    }
    for (const [root, ids] of byRoot) {
      const session = new AgentSession(root, { agent: 'opencode' });
      const family = { session, asks: new SessionAsks(root), inner: [] };
      for (const id of ids) {
        this.#add(this.#logs.get(id)!, family);
        this.#logs.delete(id);
      }
      session.settleByTime(family.inner);
      const built = session.build();
      if (built !== undefined) this.#tally.session(built);
      this.#origins.clear();
    }
  }

  #add(log: OpencodeLog, family: Family): void {
    const isMain = family.session.id === log.id;
    const thread = isMain ? family.session.main : family.session.thread(log.id);
    const copied = this.#copies(log);
    for (const entry of log.messages) {
      if (copied.has(entry)) this.#tally.duplicate('copied from the forked session', entry.records);
      else if (entry.message.role === 'assistant') this.#answer(entry, { family, thread, log });
      else {
        this.#tally.used(entry.records);
        if (isMain) startTurn(family, entry);
      }
    }
  }

  /** The session above all others; itself where the input does not hold the one above it. */
  #rootOf(id: string): string {
    const seen = new Set<string>();
    let root = id;
    for (;;) {
      seen.add(root);
      const above = this.#logs.get(root)?.record?.parentId;
      if (above === undefined || seen.has(above) || !this.#logs.has(above)) return root;
      root = above;
    }
  }

  /** Messages that the log repeats from an older one: they are older than their session. */
  #copies({ record, messages }: OpencodeLog): ReadonlySet<OpencodeMessage> {
    const copies = new Set<OpencodeMessage>();
    const createdMs = record?.createdMs ?? Number.POSITIVE_INFINITY;
    for (const entry of messages) {
      const key = copyKey(entry.message);
      if (key === undefined) continue;
      if (!this.#counted.has(key)) this.#counted.add(key);
      else if (entry.message.createdMs < createdMs) copies.add(entry);
    }
    if (copies.size === 0 || record === undefined) return copies;
    // Those without usage to tell them by.
    for (const entry of messages) {
      const { role, tokens } = entry.message;
      const isOlder = entry.message.createdMs < createdMs;
      if (isOlder && (role === 'user' || tokens === undefined)) copies.add(entry);
    }
    return copies;
  }

  #answer(
    entry: OpencodeMessage,
    at: { readonly family: Family; readonly thread: Thread; readonly log: OpencodeLog },
  ): void {
    const { family, thread, log } = at;
    const { message, parts, place, isWhole, records } = entry;
    const isMain = thread === family.session.main;
    const isBegun = parts.some(({ type }) => type === 'step-start' || type === 'step-finish');
    const isCall = isBegun || message.tokens !== undefined || message.error !== undefined;
    const isTask = !isCall && parts.some(({ tool }) => tool?.name === TASK);
    if (!isCall && !isTask) {
      // An implied message without parts stands for a record that is booked already.
      if (records === 0) return;
      this.#tally.used(records - 1);
      this.#tally.skip('message of no model call (a command of the user)', place);
      return;
    }
    if (!isMain && thread.origin === undefined) thread.origin = this.#origins.get(log.id);
    const context: StepsContext = {
      thread,
      version: log.record?.version ?? (isWhole ? SECOND : undefined),
      agent: isMain ? undefined : thread.agent(message.agent ?? 'sub-agent'),
      details: () => (isMain ? family.asks.take() : undefined),
      started: (childId, by) => {
        if (!this.#origins.has(childId)) this.#origins.set(childId, by);
      },
    };
    if (isTask) {
      this.#tally.used(records);
      const drafts = taskSteps(message, parts, context);
      if (!isMain) family.inner.push(...drafts);
      return;
    }
    const { drafts, countedSteps } = messageSteps(message, parts, context);
    if (!isMain) for (const draft of drafts) family.inner.push(draft);
    this.#tally.used(records - 1);
    if (countedSteps > 0 && message.tokens !== undefined)
      this.#tally.duplicate('message repeats the usage of its last step');
    else this.#tally.used();
  }
}

/** Not for opencode's own messages: the call to compact, to go on after it, to sum a task up. */
function startTurn({ session, asks }: Family, { message, parts }: OpencodeMessage): void {
  const typed = parts.find((part) => part.typed !== undefined)?.typed;
  const isTyped = parts.length === 0 || typed !== undefined || parts.some(isOfUser);
  if (!isTyped) return;
  session.startTurn(message.createdMs);
  if (typed !== undefined) asks.asked(typed);
}

function isOfUser({ type }: PartRecord): boolean {
  return type === 'file' || type === 'agent' || type === 'subtask';
}

function startOf({ record, messages }: OpencodeLog): number {
  return record?.createdMs ?? messages[0]?.message.createdMs ?? 0;
}

/** Two calls of one millisecond with equal counts are one. */
function copyKey({
  role,
  createdMs,
  completedMs,
  model,
  tokens,
}: MessageRecord): string | undefined {
  if (role === 'user' || tokens === undefined || completedMs === undefined) return undefined;
  const { input, output, cacheRead, cacheWrite } = tokens;
  return [createdMs, completedMs, model, input, output, cacheRead, cacheWrite].join(' ');
}

/** Version 2 exports its messages without their version. */
const SECOND = [2, 0, 0] as const;
/** The tool that starts a sub-agent. */
const TASK = 'task';
