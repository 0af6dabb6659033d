/**
 * Speed of the trace readers against the least any JSON-lines reader must do: split lines and
 * JSON.parse them, on the same file in the same run. Prints MB/s and the ratio; the goal is ≥ 0.6.
 * Run: npm run build && node bench/traces.mjs [megabytes]
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { readTraces } from '../dist/traces/read.js';

const nothing = { call() {}, session() {}, read() {}, skip() {}, duplicate() {} };
const megabytes = Number(process.argv[2] ?? 200);
const folder = await mkdtemp(join(tmpdir(), 'agent-infra-bench-'));
try {
  const transcript = join(folder, 'transcript.jsonl');
  await writeTranscript(transcript, megabytes * 1e6);
  const csv = join(folder, 'azure.csv');
  await writeCsv(csv, (megabytes * 1e6) / 4);
  const bare = [];
  const reader = [];
  const rows = [];
  for (let round = 0; round < 3; round += 1) {
    bare.push(await speed(transcript, bareLoop));
    reader.push(await speed(transcript, (file) => readTraces([file], nothing)));
    rows.push(await speed(csv, (file) => readTraces([file], nothing)));
  }
  const best = (speeds) => Math.max(...speeds);
  console.log(`bare line split + JSON.parse  ${best(bare).toFixed(0)} MB/s`);
  console.log(`claude-transcript reader      ${best(reader).toFixed(0)} MB/s`);
  console.log(`azure-llm-csv reader          ${best(rows).toFixed(0)} MB/s`);
  console.log(
    `ratio reader / bare           ${(best(reader) / best(bare)).toFixed(2)} (goal ≥ 0.60)`,
  );
  console.log(
    `peak memory                   ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  );
} finally {
  await rm(folder, { recursive: true });
}

async function speed(file, run) {
  const { size } = await stat(file);
  const started = performance.now();
  await run(file);
  return size / 1000 / (performance.now() - started);
}

async function bareLoop(file) {
  let carry = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      JSON.parse(bytes.toString('utf8', start, end));
      start = end + 1;
    }
    carry = bytes.subarray(start);
  }
}

/** Sessions of 20 turns with 4 calls and 4 tools each; every message stands on three lines. */
async function writeTranscript(file, bytes) {
  const out = createWriteStream(file);
  let written = 0;
  let at = Date.UTC(2026, 0, 1);
  let id = 0;
  const write = async (line) => {
    const text = `${JSON.stringify(line)}\n`;
    written += text.length;
    if (!out.write(text)) await once(out, 'drain');
  };
  for (let session = 0; written < bytes; session += 1) {
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

async function writeCsv(file, bytes) {
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
