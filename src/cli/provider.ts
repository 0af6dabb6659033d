import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

/** Running exchanges get this long after SIGTERM before their sockets are cut. */
const DRAIN_MS = 10_000;

export function addProviderCommand(program: Command, _setExitCode: SetExitCode): void {
  program
    .command('provider')
    .description('Serve a simulated LLM provider: OpenAI and Anthropic APIs on one port')
    .argument('[config]', 'a ProviderConfig document (YAML)')
    .option('--preset <name>', 'a bundled configuration instead of a document (default: fast)')
    .option('--host <host>', 'address to listen on (default: from the configuration, 127.0.0.1)')
    .option('--port <port>', 'port to listen on, 0 for a free one (default: 8080)')
    .option('--log <file>', 'append one JSON line per request: own send times, tokens, outcome')
    .addHelpText('after', HELP)
    .action(async (file, options) => {
      const [{ configOf, addressOf }, { startProvider }, { openRequestLog }, { onInterrupt }] =
        await Promise.all([
          import('../provider/provider-options.ts'),
          import('../provider/start-provider.ts'),
          import('../provider/request-log.ts'),
          import('../system.ts'),
        ]);
      const config = await configOf(file, options.preset);
      const address = addressOf(config, options);
      const log = options.log === undefined ? undefined : await openRequestLog(options.log);
      const provider = await startProvider({ config, address, log });
      await new Promise<void>((resolve) => {
        // Before the ready line: whoever waits for it may stop us at once.
        const release = onInterrupt(() => {
          release();
          resolve();
        });
        process.stdout.write(`provider listening on ${provider.url}\n`);
      });
      process.stderr.write('provider: draining\n');
      await provider.close(DRAIN_MS);
      await log?.close();
    });
}

const HELP = `
Presets: fast, openai-tier1, anthropic-start, azure-ptu, vllm-h100-llama-70b.

A request may steer its own reply, by headers or by a mark in its last user message:
  x-sim-output-tokens: 120          [[sim output=120 reasoning=40 tools=search;fetch,fetch]]
  x-sim-tools: search;fetch,fetch   one round of calls per ";", parallel calls by ","
While it runs: GET /healthz, /metrics, /admin/keys, /admin/faults; PUT /admin/faults.

Examples:
  agent-infra provider                             small constant times, no limits
  agent-infra provider --preset openai-tier1       tier limits with true headers and 429 bodies
  agent-infra provider provider.yaml --port 0 --log sends.jsonl
`;
