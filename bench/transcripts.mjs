/** Made-up traces for the benchmarks: the sizes and shapes of real ones, no content. */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

/**
 * Claude Code transcript lines: sessions of 20 turns with 4 calls and 4 tools each; every message
 * stands on three lines. Files of one bench take different `part`s, so that they share no session.
 */
export async function writeTranscript(file, bytes, part = 0) {
  const out = createWriteStream(file);
  let written = 0;
  let at = Date.UTC(2026, part, 1);
  let id = part * 100_000_000;
  const write = async (line) => {
    const text = `${JSON.stringify(line)}\n`;
    written += text.length;
    if (!out.write(text)) await once(out, 'drain');
  };
  for (let number = 0; written < bytes; number += 1) {
    const session = `${part}-${number}`;
    for (let turn = 0; turn < 20; turn += 1) {
      await write(
        user(
          session,
          (at += 60_000),
          'Please look at the next failing test and mend it. '.repeat(3),
        ),
      );
      for (let call = 0; call < 4; call += 1) {
        id += 1;
        const contents = [
          {
            type: 'thinking',
            thinking: 'The test fails because the clock is read twice. '.repeat(8),
          },
          { type: 'text', text: 'I will look at the file first. '.repeat(4) },
          {
            type: 'tool_use',
            id: `toolu_${id}`,
            name: 'Read',
            input: { file_path: `/src/${id}.ts` },
          },
        ];
        for (const content of contents) await write(assistant(session, id, (at += 900), content));
        const result = {
          type: 'tool_result',
          tool_use_id: `toolu_${id}`,
          content: 'const a = 1;\n'.repeat(120),
        };
        await write(user(session, (at += 300), [result]));
      }
    }
  }
  out.end();
  await once(out, 'close');
}

function user(session, at, content) {
  return {
    type: 'user',
    uuid: `u${at}`,
    sessionId: `s${session}`,
    timestamp: new Date(at).toISOString(),
    cwd: '/project',
    version: '2.1.0',
    gitBranch: 'main',
    isSidechain: false,
    message: { role: 'user', content },
  };
}

function assistant(session, id, at, content) {
  return {
    type: 'assistant',
    uuid: `a${at}`,
    sessionId: `s${session}`,
    requestId: `req_${id}`,
    timestamp: new Date(at).toISOString(),
    cwd: '/project',
    version: '2.1.0',
    gitBranch: 'main',
    isSidechain: false,
    message: {
      id: `msg_${id}`,
      role: 'assistant',
      model: 'claude-opus-4-8',
      content: [content],
      stop_reason: 'tool_use',
      usage: {
        input_tokens: 3,
        cache_creation_input_tokens: 800,
        cache_read_input_tokens: 41_000,
        cache_creation: { ephemeral_5m_input_tokens: 800, ephemeral_1h_input_tokens: 0 },
        output_tokens: 240,
        service_tier: 'standard',
      },
    },
  };
}

/** Azure LLM inference rows. */
export async function writeCsv(file, bytes) {
  const out = createWriteStream(file);
  out.write('TIMESTAMP,ContextTokens,GeneratedTokens\r\n');
  const start = Date.UTC(2023, 10, 16, 18);
  for (let written = 0, row = 0; written < bytes; row += 1) {
    const time = new Date(start + row * 37).toISOString().replace('T', ' ').replace('Z', '5310');
    const line = `${time},${(row * 7919) % 8000},${(row * 31) % 400}\r\n`;
    written += line.length;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}
