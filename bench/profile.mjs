/**
 * The whole profile of transcript JSON lines, as ratios on one machine in one run:
 *   parsing   reader and folds against a bare loop of line split + JSON.parse (goal ≥ 0.60)
 *   peers     pandas (goal: ≥ 3x as fast) and DuckDB on one thread (goal: within 2x), which compute
 *             a count, a mean, a p95 and a distinct count of the same files: DuckDB as one asks it,
 *             read_json, which finds the columns itself; and told the columns, which it then
 *             reads alone, to know how far the floor is
 *   threads   of 2 GB, where starting them weighs little: two jobs on two idle cores
 *             against one job on one core (goal ≥ 1.7x, needs taskset), and against one job that is
 *             free to use both cores, as it does: V8 compiles and collects garbage on threads of its
 *             own, about 1.2 cores in all
 *   memory    peak RSS of 2 GB with as many jobs as `profile` starts by itself (goal < 400 MB)
 * Run: npm run build && node bench/profile.mjs [megabytes, default 400] [--no-large] [--rounds 3]
 *      [--python PATH | --install-peers]
 * --python takes one that has pandas and duckdb; --install-peers puts them into a scratch folder.
 * Every measurement is a process of its own; the best of the rounds counts. The CPU time beside it
 * tells how much of a ratio is the machine's other work; the load before the run is printed too.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

import { writeTranscript } from './transcripts.mjs';

const GOALS = { parsing: 0.6, threads: 1.7, memoryMb: 400, pandas: 3, duckdb: 0.5 };
const FILES = 8;
const cores = firstCore();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'no-large': { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      python: { type: 'string' },
      'install-peers': { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const [load] = loadavg();
  console.log(`load of the machine before the run: ${load.toFixed(2)}`);
  if (load > 0.5) console.log('  it has other work: take the ratios of CPU time, not of wall time');
  const folder = await mkdtemp(join(tmpdir(), 'agent-infra-bench-'));
  try {
    const python = values['install-peers'] ? installPeers(folder) : values.python;
    const checks = await compareAll(await write(folder, Number(positionals[0] ?? 400)), {
      python,
      rounds,
      folder,
    });
    if (!values['no-large'])
      checks.push(...(await compareLarge(await write(folder, 2000), rounds)));
    for (const { what, text, passed } of checks) {
      console.log(`${what.padEnd(38)} ${text}${passed === false ? '  MISSED' : ''}`);
    }
    process.exitCode = checks.some(({ passed }) => passed === false) ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function write(folder, megabytes) {
  const files = [];
  for (let part = 0; part < FILES; part += 1) {
    files.push(join(folder, `transcript-${part}.jsonl`));
    // Not all of one size: equal sizes would be hashed to find copies.
    await writeTranscript(files[part], (megabytes * 1e6 * (1 + part / 100)) / FILES, part);
  }
  return files;
}

const measured = (kind) => [process.execPath, fileURLToPath(import.meta.url), 'measure', kind];

async function compareAll(files, { python, rounds, folder }) {
  const script = join(folder, 'peers.py');
  await writeFile(script, PEERS);
  const best = await bestOf(rounds, files, {
    bare: measured('bare'),
    'one job': measured('1'),
    ...(python === undefined
      ? {}
      : {
          duckdb: [python, script, 'duckdb'],
          'duckdb, told': [python, script, 'told'],
          pandas: [python, script, 'pandas'],
        }),
  });
  return [
    ...ratio(best, 'parsing, one job / bare loop', ['bare', 'one job'], GOALS.parsing),
    ...(python === undefined
      ? []
      : [
          ...ratio(best, 'speed of one job / pandas', ['pandas', 'one job'], GOALS.pandas),
          ...ratio(best, 'speed of one job / DuckDB', ['duckdb', 'one job'], GOALS.duckdb),
          ...ratio(best, 'speed of one job / DuckDB, told', ['duckdb, told', 'one job']),
        ]),
  ];
}

async function compareLarge(files, rounds) {
  const jobs = availableParallelism();
  const best = await bestOf(rounds, files, {
    ...jobsOn(cores),
    ...(jobs > 2 ? { [`${jobs} jobs`]: measured(String(jobs)) } : {}),
  });
  const usual = best[jobs === 1 ? 'one job' : jobs === 2 ? 'two jobs' : `${jobs} jobs`];
  return [
    ...threads(best),
    {
      what: `peak memory at 2 GB, default (${jobs} jobs)`,
      text: `${usual.rssMb.toFixed(0)} MB (goal < ${GOALS.memoryMb})`,
      passed: usual.rssMb < GOALS.memoryMb,
    },
  ];
}

/** One job, the same held to the first of two cores, and two jobs. */
function jobsOn(cores) {
  return {
    'one job': measured('1'),
    ...(cores === undefined
      ? {}
      : { 'one job, one core': ['taskset', '-c', cores, ...measured('1')] }),
    'two jobs': measured('2'),
  };
}

/** A core that this process may use, as taskset names it; undefined where there is no taskset. */
function firstCore() {
  const { status, stdout } = spawnSync('taskset', ['-pc', String(process.pid)], {
    encoding: 'utf8',
  });
  return status === 0 ? /: (\d+)/.exec(stdout)?.[1] : undefined;
}

/** The goal is of cores; where a process cannot be held to one, of threads. */
function threads(best) {
  const hasCore = 'one job, one core' in best;
  return [
    ...(hasCore
      ? ratio(
          best,
          'two jobs, two cores / one job, one',
          ['one job, one core', 'two jobs'],
          GOALS.threads,
        )
      : []),
    ...ratio(
      best,
      'two jobs / one job free to use both',
      ['one job', 'two jobs'],
      hasCore ? undefined : GOALS.threads,
    ),
  ];
}

/** Turn by turn, so that all meet the same machine. */
async function bestOf(rounds, files, kinds) {
  const best = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const [kind, command] of Object.entries(kinds)) {
      const result = await run([...command, ...files]);
      best[kind] ??= result;
      for (const name of ['seconds', 'cpuSeconds']) {
        best[kind][name] = Math.min(best[kind][name], result[name]);
      }
      best[kind].rssMb = Math.max(best[kind].rssMb, result.rssMb);
    }
  }
  let bytes = 0;
  for (const file of files) bytes += (await stat(file)).size;
  console.log(
    `${(bytes / 1e6).toFixed(0)} MB of transcripts in ${files.length} files, best of ${rounds} rounds`,
  );
  for (const [kind, { seconds, cpuSeconds, rssMb, calls }] of Object.entries(best)) {
    console.log(
      `${kind.padEnd(18)} ${seconds.toFixed(2).padStart(6)} s  ${(bytes / 1e6 / seconds).toFixed(0).padStart(5)} MB/s  CPU ${cpuSeconds.toFixed(2).padStart(6)} s  peak ${rssMb.toFixed(0).padStart(5)} MB${calls === undefined ? '' : `  ${calls} calls`}`,
    );
  }
  return best;
}

/** By wall time, which decides; CPU time beside it. Without a goal it is for information. */
function ratio(best, what, [other, ours], goal) {
  const value = best[other].seconds / best[ours].seconds;
  const cpu = best[other].cpuSeconds / best[ours].cpuSeconds;
  const wanted = goal === undefined ? '' : ` (goal ≥ ${goal.toFixed(2)})`;
  const text = `${value.toFixed(2)}${wanted}; in CPU time ${cpu.toFixed(2)}`;
  return [{ what, text, passed: goal === undefined ? undefined : value >= goal }];
}

async function run([program, ...args]) {
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 1e7 });
  return JSON.parse(stdout);
}

/** In a process of its own: reads all files and prints what it took. */
async function measure(kind, files) {
  let calls;
  const { foldTraces } = kind === 'bare' ? {} : await import('../dist/cli/profile-jobs.js');
  const started = performance.now();
  const cpu = process.cpuUsage();
  if (kind === 'bare') for (const file of files) await bareLoop(file);
  else {
    const { fold, result } = await foldTraces(files, {
      format: 'auto',
      fold: {},
      jobs: Number(kind),
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    calls = fold.profile({ name: 'bench', format: result.format, files: [] }).calls.count;
  }
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    JSON.stringify({
      seconds: (performance.now() - started) / 1000,
      cpuSeconds: (user + system) / 1e6,
      rssMb: process.resourceUsage().maxRSS / 1024,
      calls,
    }),
  );
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

/** A virtual environment in the scratch folder, which is removed at the end. */
function installPeers(folder) {
  const python = join(folder, 'venv/bin/python');
  for (const [program, ...args] of [
    ['python3', '-m', 'venv', join(folder, 'venv')],
    [python, '-m', 'pip', 'install', '--quiet', 'pandas', 'duckdb', 'pytz'],
  ]) {
    const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
  }
  return python;
}

/** The peers on one thread. */
const PEERS = `
import json, resource, sys, time
kind, files = sys.argv[1], sys.argv[2:]
if kind != 'pandas':
    import duckdb
    started, cpu = time.perf_counter(), time.process_time()
    db = duckdb.connect(config={'threads': 1})
    usage = 'STRUCT(input_tokens BIGINT, cache_creation_input_tokens BIGINT, cache_read_input_tokens BIGINT, output_tokens BIGINT)'
    source = "read_json(?)" if kind == 'duckdb' else f"read_json(?, format='newline_delimited', columns={{type: 'VARCHAR', message: 'STRUCT(id VARCHAR, usage {usage})'}})"
    db.execute(f"""
        SELECT count(*), avg(message.usage.output_tokens),
               quantile_cont(message.usage.input_tokens + message.usage.cache_creation_input_tokens
                             + message.usage.cache_read_input_tokens, 0.95),
               count(DISTINCT message.id)
        FROM {source}
        WHERE type = 'assistant'""", [files])
    calls = db.fetchone()[3]
else:
    import pandas
    started, cpu = time.perf_counter(), time.process_time()
    parts = []
    for file in files:
        lines = pandas.read_json(file, lines=True, convert_dates=False)
        messages = lines.loc[lines['type'] == 'assistant', 'message']
        usage = pandas.DataFrame([m['usage'] for m in messages])
        usage['id'] = [m['id'] for m in messages]
        parts.append(usage)
    usage = pandas.concat(parts)
    len(usage), usage['output_tokens'].mean(), (usage['input_tokens'] + usage['cache_creation_input_tokens'] + usage['cache_read_input_tokens']).quantile(0.95)
    calls = usage['id'].nunique()
print(json.dumps({'seconds': time.perf_counter() - started, 'cpuSeconds': time.process_time() - cpu,
                  'rssMb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 'calls': int(calls)}))
`;

if (process.argv[2] === 'measure') await measure(process.argv[3], process.argv.slice(4));
else await main();
