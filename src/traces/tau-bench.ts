import { AgentSession } from './agent-session.ts';
import { ChatMessages, isMessage } from './chat-messages.ts';
import { isObject, listOf, type JsonObject } from './json-value.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * tau-bench trajectories: `[{task_id, trial, traj: [OpenAI messages]}]`, no time and no usage.
 * Tokens are estimated from the texts; every startMs is NaN.
 */
export const tauBench: JsonReader = {
  kind: 'json',
  title: 'tau-bench trajectories',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with task_id and traj',
      (record) =>
        isObject(record) && record['task_id'] !== undefined && Array.isArray(record['traj']),
    ),
  open: (tally: Tally) => new TauFold(tally),
};

class TauFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    if (!isObject(value) || !Array.isArray(value['traj'])) {
      this.#tally.read();
      this.#tally.skip('record has no traj', place);
      return;
    }
    const id = `task ${JSON.stringify(value['task_id'])} trial ${JSON.stringify(value['trial'])}`;
    const session = new AgentSession(id);
    const chat = new ChatMessages(session, this.#tally.estimates);
    for (const message of listOf(value['traj'])) {
      this.#tally.read();
      if (!isMessage(message)) this.#tally.skip('entry is not a chat message', place);
      else {
        this.#tally.used();
        follow(chat, message);
      }
    }
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}
}

function follow(chat: ChatMessages, message: JsonObject): void {
  if (message['role'] === 'user') chat.user(message, Number.NaN);
  else if (message['role'] === 'assistant') chat.assistant(message, { startMs: Number.NaN });
  else if (message['role'] === 'tool') chat.toolResult(message);
  else chat.context(message);
}
