import { AgentSession } from './agent-session.ts';
import { ChatMessages, isMessage } from './chat-messages.ts';
import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { responseUsage } from './response-usage.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * tau2-bench simulations. Two LLM populations talk to each other: the agent (role assistant, its
 * tools) and a user simulator with usage of its own (role user, its tools). They must not be
 * mixed: this reader gives the agent; `tau2-bench-user` gives the simulator.
 * No request starts: latency is the message's time minus that of the message before it.
 */
export const tau2Bench: JsonReader = {
  kind: 'json',
  title: 'tau2-bench simulations (the agent)',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with simulations and tasks',
      (record) => isObject(record) && (isFile(record) || isSimulation(record)),
    ),
  open: (tally: Tally) => new Tau2Fold(tally, 'assistant'),
};

/** The same files, the simulated users' side. Only when named: `auto` means the agent. */
export const tau2BenchUser: JsonReader = {
  kind: 'json',
  title: 'tau2-bench simulations (the user simulator)',
  mismatch: () => 'only when named with --format',
  open: (tally: Tally) => new Tau2Fold(tally, 'user'),
};

class Tau2Fold implements JsonFold {
  readonly #tally: Tally;
  readonly #role: 'assistant' | 'user';

  constructor(tally: Tally, role: 'assistant' | 'user') {
    this.#tally = tally;
    this.#role = role;
  }

  value(value: unknown, place: Place): void {
    const simulations = isObject(value) && isFile(value) ? listOf(value['simulations']) : [value];
    for (const simulation of simulations) {
      if (isObject(simulation) && isSimulation(simulation)) this.#simulation(simulation, place);
      else {
        this.#tally.read();
        this.#tally.skip('record is not a simulation', place);
      }
    }
  }

  end(): void {}

  #simulation(simulation: JsonObject, place: Place): void {
    const agent = this.#role === 'user' ? 'user-simulator' : undefined;
    const session = new AgentSession(textOf(simulation['id']) ?? place.toString(), { agent });
    const chat = new ChatMessages(session, this.#tally.estimates);
    let beforeMs = isoMs(textOf(simulation['start_time']) ?? '');
    for (const message of listOf(simulation['messages'])) {
      this.#tally.read();
      const atMs = isMessage(message) ? isoMs(textOf(message['timestamp']) ?? '') : undefined;
      if (!isMessage(message) || atMs === undefined) {
        this.#tally.skip('entry is not a message with a time', place);
        continue;
      }
      this.#message(chat, message, { atMs, startMs: Math.min(beforeMs ?? atMs, atMs), place });
      beforeMs = atMs;
    }
    session.endTurn(isoMs(textOf(simulation['end_time']) ?? ''));
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  #message(
    chat: ChatMessages,
    message: JsonObject,
    { atMs, startMs, place }: { atMs: number; startMs: number; place: Place },
  ): void {
    const { role } = message;
    if (role === 'tool') {
      // One tool after the other: each takes the time since the message before it.
      if ((message['requestor'] ?? 'assistant') === this.#role)
        chat.toolResult(message, { atMs, durationMs: atMs - startMs });
      else {
        this.#tally.skip('tool of the other side', place);
        return;
      }
    } else if (role === this.#role) {
      const tokens = responseUsage(message['usage']);
      if (tokens === undefined) {
        // The agent's greeting is written by the harness.
        chat.context(message);
        this.#tally.skip('message without usage: not a model call', place);
        return;
      }
      chat.assistant(message, {
        startMs,
        endMs: atMs,
        tokens,
        costUsd: recordedCost(message['cost']),
        model: undefined,
        provider: undefined,
      });
    } else if (listOf(message['tool_calls']).length > 0) {
      this.#tally.skip('message of the other side to its own tools', place);
      return;
    } else chat.user(message, atMs);
    this.#tally.used();
  }
}

function isFile(record: JsonObject): boolean {
  return (
    Array.isArray(record['simulations']) ||
    (Array.isArray(record['tasks']) && isObject(objectOf(record['info'])['user_info']))
  );
}

function isSimulation(record: JsonObject): boolean {
  return Array.isArray(record['messages']) && textOf(record['start_time']) !== undefined;
}
