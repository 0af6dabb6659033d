import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

export function addProviderCommand(program: Command, _setExitCode: SetExitCode): void {
  program
    .command('provider')
    .description('serve a simulated LLM provider: OpenAI and Anthropic APIs on one port')
    .argument('[config]', 'a ProviderConfig document (YAML)')
    .option('--preset <preset>', 'a bundled configuration instead of a document (default: fast)')
    .option('--host <host>', 'address to listen on (default: from the configuration, 127.0.0.1)')
    .option('--port <port>', 'port to listen on, 0 for a free one (default: 8080)')
    .option('--log <file>', 'append one JSON line per request: own send times, tokens, outcome')
    .option('--workers <n>', 'processes that share the port (default: 1, this one)')
    .addHelpText('after', HELP)
    .action(async (file, options) => {
      const [{ addressOf, configOf, workersOf }, { serveProvider }] = await Promise.all([
        import('../provider/provider-options.ts'),
        import('../provider/serve-provider.ts'),
      ]);
      const config = await configOf(file, options.preset);
      await serveProvider({
        config,
        address: addressOf(config, options),
        workers: workersOf(options.workers),
        log: options.log,
        ready: (url) => void process.stdout.write(`provider listening on ${url}\n`),
        draining: () => void process.stderr.write('provider: draining\n'),
      });
    });
}

const HELP = `
Presets: fast, openai-tier1, anthropic-start, azure-ptu, vllm-h100-llama-70b.

A request may steer its own reply, by headers or by a mark in its last user message:
  x-sim-output-tokens: 120          [[sim output=120 reasoning=40 tools=search;fetch,fetch]]
  x-sim-tools: search;fetch,fetch   one round of calls per ";", parallel calls by ","
With --workers N the limits are one account; engines and caches are N replicas.
While it runs: GET /healthz, /metrics, /admin/keys, /admin/faults; PUT /admin/faults.

Examples:
  agent-infra provider                             small constant times, no limits
  agent-infra provider --preset openai-tier1       tier limits with true headers and 429 bodies
  agent-infra provider provider.yaml --port 0 --log sends.jsonl
`;
