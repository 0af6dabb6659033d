import { END, type JsonCursor } from './json-cursor.ts';
import { TextField } from './text-field.ts';
import { NO_WORD, WordTable } from './word-table.ts';

const BLOCK_TEXTS = ['type', 'id', 'name', 'tool_use_id'] as const;
const BLOCK = new WordTable([...BLOCK_TEXTS, 'input', 'is_error']);
const INPUT = new WordTable(['subagent_type']);

/** One block of a message's content: a tool that is asked for, a tool's result, or of no interest. */
export class ClaudeBlock {
  readonly type = new TextField();
  readonly id = new TextField();
  readonly name = new TextField();
  readonly toolUseId = new TextField();
  isError = false;
  /** Place of the arguments in the line's bytes; empty without any. */
  inputStart = 0;
  inputEnd = 0;
  /** Which kind of sub-agent the arguments name. */
  readonly agentType = new TextField();
  readonly #texts: readonly TextField[] = [this.type, this.id, this.name, this.toolUseId];

  /** The members of an object that the cursor has entered. */
  read(cursor: JsonCursor): void {
    for (const text of this.#texts) text.isSet = false;
    this.agentType.isSet = false;
    this.isError = false;
    this.inputEnd = this.inputStart;
    for (let key = cursor.key(BLOCK, NO_WORD); key !== END; key = cursor.key(BLOCK, key)) {
      if (!BLOCK.has(key)) cursor.skip();
      else if (key < BLOCK_TEXTS.length) this.#texts[key]!.take(cursor);
      else if (BLOCK.words[key] === 'is_error') this.isError = cursor.isTrue();
      else this.#input(cursor);
    }
  }

  #input(cursor: JsonCursor): void {
    this.inputStart = cursor.position;
    this.agentType.isSet = false;
    if (cursor.object()) {
      for (let key = cursor.key(INPUT, NO_WORD); key !== END; key = cursor.key(INPUT, key)) {
        if (!INPUT.has(key)) cursor.skip();
        else this.agentType.take(cursor);
      }
    } else cursor.skip();
    this.inputEnd = cursor.position;
  }
}
