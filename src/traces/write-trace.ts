import type { LlmCall, Session, TraceSink } from '../core/trace.ts';

/** Where a writer puts its text: one stream, or files of their own. */
export interface WriterOutput {
  readonly text: (text: string) => void;
  readonly file: (name: string, text: string) => void;
}

/**
 * A sink that writes a trace in another format. Content-free: numbers, tool and model names only;
 * ids of sessions, users and steps are replaced by running numbers.
 */
export abstract class TraceWriter implements TraceSink {
  readonly #output: WriterOutput;
  readonly #leftOut = new Map<string, number>();
  readonly #notes: string[] = [];
  #sessions = 0;

  constructor(output: WriterOutput) {
    this.#output = output;
  }

  /** What could not be written and why, and what a reader of the export must know. */
  get notes(): readonly string[] {
    const leftOut = [...this.#leftOut].map(([what, count]) => `left out: ${count} ${what}`);
    return [...leftOut, ...this.#notes];
  }

  abstract call(call: LlmCall): void;
  abstract session(session: Session): void;

  /** All input is read. */
  end(): void {}

  read(): void {}
  skip(): void {}
  duplicate(): void {}

  protected emit(text: string): void {
    this.#output.text(text);
  }

  protected emitFile(name: string, text: string): void {
    this.#output.file(name, text);
  }

  protected leaveOut(what: string, count = 1): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + count);
  }

  protected note(text: string): void {
    this.#notes.push(text);
  }

  /** Running number in place of the session's id. */
  protected nextSession(): number {
    this.#sessions += 1;
    return this.#sessions;
  }

  /** Generations of a session in order of time, each with the conversation it extends. */
  protected callsOf(session: Session): { readonly call: LlmCall; readonly chain: string }[] {
    const number = this.nextSession();
    return session.turns
      .flatMap(({ steps }) => steps.filter((step) => step.kind === 'llm'))
      .filter((call) => call.operation !== 'embedding')
      .toSorted((a, b) => a.startMs - b.startMs)
      .map((call) => ({ call, chain: `${number} ${call.agent ?? ''}` }));
  }

  protected isWritable(call: LlmCall): boolean {
    if (call.operation === 'embedding') this.leaveOut('embedding calls');
    else if (Number.isNaN(call.startMs)) this.leaveOut('calls without a time');
    else if (call.tokensBasis === 'missing') this.leaveOut('calls without token counts');
    else return true;
    return false;
  }
}
