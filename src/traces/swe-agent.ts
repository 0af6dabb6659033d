import type { LlmCall } from '../core/trace.ts';
import { AgentSession, type StepDraft } from './agent-session.ts';
import { ChatMessages, isMessage } from './chat-messages.ts';
import { contentChars } from './estimate.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * SWE-agent trajectories (`.traj`): history of chat messages, trajectory of actions with their
 * execution_time (newer files), totals in info.model_stats (zeros mean unknown). No times: every
 * startMs is NaN. Tokens of single calls are estimated from their texts and scaled to the totals.
 */
export const sweAgent: JsonReader = {
  kind: 'json',
  title: 'SWE-agent trajectory',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with history of chat messages, or trajectory of actions',
      (record) => isObject(record) && isTrajectory(record),
    ),
  open: (tally: Tally) => new SweFold(tally),
};

class SweFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    if (!isObject(value) || !isTrajectory(value)) {
      this.#tally.read();
      this.#tally.skip('record is not a trajectory', place);
      return;
    }
    const session = new AgentSession(place.toString(), { agent: 'swe-agent' });
    const history = listOf(value['history']);
    const actions = listOf(value['trajectory']).filter(isObject);
    const drafts = this.#history(
      new ChatMessages(session, this.#tally.estimates),
      { history, actions },
      place,
    );
    scaleToTotals(drafts, objectOf(objectOf(value['info'])['model_stats']));
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}

  /** The n-th assistant message that is no demonstration is the n-th action of the trajectory. */
  #history(
    chat: ChatMessages,
    { history, actions }: { history: readonly unknown[]; actions: readonly JsonObject[] },
    place: Place,
  ): readonly StepDraft<LlmCall>[] {
    const drafts: StepDraft<LlmCall>[] = [];
    let hasTask = false;
    for (const message of history) {
      this.#tally.read();
      if (!isMessage(message)) {
        this.#tally.skip('entry is not a chat message', place);
        continue;
      }
      this.#tally.used();
      if (message['is_demo'] === true || message['role'] === 'system') chat.context(message);
      else if (message['role'] === 'assistant') {
        drafts.push(chat.assistant({ ...message, tool_calls: undefined }, { startMs: Number.NaN }));
        runAction(chat, message, actions[drafts.length - 1]);
      } else if (hasTask) chat.context(message);
      else {
        // Only the first user message is the task; the others are observations.
        hasTask = true;
        chat.user(message, Number.NaN);
      }
    }
    return drafts;
  }
}

function runAction(chat: ChatMessages, message: JsonObject, action: JsonObject | undefined): void {
  const text = textOf(action?.['action']) ?? textOf(message['action']);
  const call = objectOf(objectOf(listOf(message['tool_calls'])[0])['function']);
  const name = textOf(call['name']) ?? text?.trim().split(/\s/, 1)[0];
  if (name === undefined || name === '') return;
  const seconds = amountOf(action?.['execution_time']);
  const durationMs = seconds === undefined ? undefined : seconds * 1000;
  chat.finishedTool({
    name,
    startMs: Number.NaN,
    durationMs,
    arguments: call['arguments'] ?? text,
  });
}

/** Rounds cumulatively, so that the calls add up to the reported totals exactly. */
function scaleToTotals(drafts: readonly StepDraft<LlmCall>[], stats: JsonObject): void {
  const sent = amountOf(stats['tokens_sent']) ?? 0;
  const received = amountOf(stats['tokens_received']) ?? 0;
  const estimatedIn = sum(drafts.map(({ step }) => step.tokens.uncached));
  const estimatedOut = sum(drafts.map(({ step }) => step.tokens.output));
  if (sent === 0 || received === 0 || estimatedIn === 0 || estimatedOut === 0) return;
  let inBefore = 0;
  let outBefore = 0;
  for (const { step } of drafts) {
    const inAfter = inBefore + step.tokens.uncached;
    const outAfter = outBefore + step.tokens.output;
    step.tokens = {
      ...step.tokens,
      uncached: share(sent, inAfter, estimatedIn) - share(sent, inBefore, estimatedIn),
      output: share(received, outAfter, estimatedOut) - share(received, outBefore, estimatedOut),
    };
    inBefore = inAfter;
    outBefore = outAfter;
  }
}

function share(total: number, part: number, whole: number): number {
  return Math.round((total * part) / whole);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function isTrajectory(record: JsonObject): boolean {
  if (record['instance_id'] !== undefined || record['messages'] !== undefined) return false;
  const [entry] = listOf(record['trajectory']);
  if (isObject(entry)) return entry['action'] !== undefined && entry['observation'] !== undefined;
  return listOf(record['history']).some(
    (message) => isMessage(message) && contentChars(message) > 0,
  );
}
