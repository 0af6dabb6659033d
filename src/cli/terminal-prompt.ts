import { createInterface } from 'node:readline';

import type { Prompt } from './init-questions.ts';

/** Questions on stderr, answers from stdin: stdout stays data. */
export function terminalPrompt(): Prompt {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  let left = false;
  let leave = (): void => {};
  lines.on('SIGINT', () => lines.close());
  lines.once('close', () => {
    left = true;
    leave();
  });
  return {
    ask: (question) =>
      new Promise((resolve) => {
        if (left) {
          resolve(undefined);
          return;
        }
        leave = () => {
          process.stderr.write('\n');
          resolve(undefined);
        };
        lines.question(question, resolve);
      }),
    say: (text) => void process.stderr.write(text),
    close: () => {
      leave = () => {};
      lines.close();
    },
  };
}
