import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { binary, root } from '../support/requirements.ts';
import { commandsOf } from './commands.ts';
import type { Block, Page } from './pages.ts';

/**
 * Follows a page in a folder of its own, top to bottom: documents that begin with `# file: <name>`
 * are written, blocks marked `run` are run, and what they print is compared with the page. Throws
 * where page and program differ.
 * @returns how many commands were run
 */
export async function follow(page: Page): Promise<number> {
  const walkthrough = new Walkthrough();
  let commands = 0;
  try {
    for (const block of page.blocks) {
      walkthrough.write(block);
      if (block.runs) commands += await walkthrough.run(block);
    }
    return commands;
  } finally {
    walkthrough.close();
  }
}

class Walkthrough {
  readonly #folder = mkdtempSync(join(tmpdir(), 'agent-infra-docs-'));
  readonly #children: ChildProcess[] = [];
  /** Ports as written on the page, and those that were free. */
  readonly #ports = new Map<string, string>();

  constructor() {
    for (const name of ['profiles', 'scenarios']) {
      cpSync(join(root, name), join(this.#folder, name), { recursive: true });
    }
    this.#command('agent-infra', `exec "${process.execPath}" "${binary}" "$@"`);
    this.#command('npx', `shift; exec "${process.execPath}" "${binary}" "$@"`);
  }

  /** A document with a name; a file that a later command reads may also be JavaScript. */
  write({ language, lines }: Block): void {
    const name = /^(?:#|\/\/) file: ([\w.-]+)$/.exec(lines[0] ?? '')?.[1];
    if (name === undefined || !['yaml', 'js'].includes(language)) return;
    writeFileSync(join(this.#folder, name), `${lines.join('\n')}\n`);
  }

  async run(block: Block): Promise<number> {
    const commands = commandsOf(block);
    if (commands.length === 0) throw new Error(`${block.place} runs nothing`);
    for (const { line, exit, output } of commands) {
      const printed = line.endsWith(' &')
        ? await this.#serve(line.slice(0, -2))
        : await this.#finish(line, exit, block.place);
      if (block.language === 'console') compare(output, printed, `${block.place}: ${line}`);
    }
    return commands.length;
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #finish(line: string, exit: number, place: string): Promise<string> {
    const { child, text } = this.#spawn(line);
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code === exit) return text();
    throw new Error(`${place}: ${line}\nended with ${String(code)} instead of ${exit}\n${text()}`);
  }

  /** A server: runs on until the page ends. Its port is a free one instead of the page's. */
  async #serve(line: string): Promise<string> {
    const written = /--port (\d+)/.exec(line)?.[1] ?? '';
    const { child, text } = this.#spawn(line.replace(/--port \d+/, '--port 0'));
    this.#children.push(child);
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout!.on('data', () => {
        const ready = /listening on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(text());
        if (ready !== null) resolve(ready[1]!);
      });
      child.once('close', () => reject(new Error(`${line} ended:\n${text()}`)));
    });
    this.#ports.set(written, port);
    return text().replaceAll(port, written);
  }

  #spawn(line: string): { child: ChildProcess; text: () => string } {
    let command = line;
    for (const [from, to] of this.#ports) command = command.replaceAll(`:${from}`, `:${to}`);
    const child = spawn('sh', ['-c', `exec 2>&1; ${exec(command)}`], {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        CI: 'true',
        PATH: `${this.#folder}${delimiter}${process.env['PATH']}`,
      },
    });
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    return { child, text: () => text };
  }

  #command(name: string, body: string): void {
    const file = join(this.#folder, name);
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
  }
}

/** A single command takes the shell's place, so that a signal reaches it. */
function exec(command: string): string {
  return /[|&;]/.test(command) ? command : `exec ${command}`;
}

/** Lines must follow each other; a line `…` stands for any lines, `…` inside a line for any text. */
function compare(written: readonly string[], printed: string, place: string): void {
  const lines = printed.trimEnd().split('\n');
  const message = (line: string): string =>
    `${place}: the page says\n  ${line}\nbut the command printed\n${printed}`;
  let at = 0;
  let maySkip = false;
  for (const line of written) {
    if (line.trim() === '…') {
      maySkip = true;
      continue;
    }
    const found = maySkip ? lines.findIndex((each, index) => index >= at && fits(line, each)) : at;
    if (found === -1 || !fits(line, lines[found] ?? '')) throw new Error(message(line));
    at = found + 1;
    maySkip = false;
  }
  if (!maySkip && at < lines.length) throw new Error(message('(nothing more)'));
}

function fits(written: string, printed: string): boolean {
  const parts = written.trimEnd().split('…');
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join('.*')}$`).test(printed.trimEnd());
}
