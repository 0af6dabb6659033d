// `agent-infra --help` and one answer of the shell completion against the bare start of Node, on one
// machine in one run.
// Limit (issue tracker, README): under 150 ms. Run: npm run build && node bench/help.mjs
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUNS = 15;
const LIMIT_MS = 150;
const binary = fileURLToPath(new URL('../bin/agent-infra.js', import.meta.url));

const bare = median(RUNS, ['-e', '0']);
const help = median(RUNS, [binary, '--help']);
const complete = median(RUNS, [binary, 'complete', 'bash', '--', 'plan', '']);
console.log(`bare node      ${bare.toFixed(1)} ms (median of ${RUNS})`);
console.log(`--help         ${help.toFixed(1)} ms`);
console.log(`complete       ${complete.toFixed(1)} ms, ${(complete / help).toFixed(2)}x of --help`);
console.log(
  `ratio          ${(help / bare).toFixed(2)}x of bare node, ${(help / LIMIT_MS).toFixed(2)} of the ${LIMIT_MS} ms limit`,
);
process.exitCode = Math.max(help, complete) < LIMIT_MS ? 0 : 1;

function median(runs, args) {
  const times = [];
  for (let run = 0; run <= runs; run += 1) {
    const begin = process.hrtime.bigint();
    const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
    if (run > 0) times.push(Number(process.hrtime.bigint() - begin) / 1e6); // the first run warms the disk cache
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}
