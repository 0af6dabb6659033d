/**
 * Speed of the trace readers against the least any JSON-lines reader must do: split lines and
 * JSON.parse them, on the same file in the same run. Prints MB/s and the ratio; the goal is ≥ 0.6.
 * Run: npm run build && node bench/traces.mjs [megabytes]
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { readTraces } from '../dist/traces/read.js';
import { writeCsv, writeTranscript } from './transcripts.mjs';

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
