import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

interface GatewayFlags {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly upstream?: string | undefined;
}

/** `agent-infra gateway <config.yaml>`: the reference gateway, until SIGTERM or SIGINT. */
export function addGatewayCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('gateway')
    .description('serve the reference gateway: agent keys, limits, exact cache, metrics')
    .argument('<config>', 'a GatewayConfig document (YAML)')
    .option('--host <host>', 'listen on this address instead of the configured one')
    .option('--port <port>', 'listen on this port instead; 0 takes a free one', parsePort)
    .option('--upstream <url>', 'send all calls to this provider instead of the configured ones')
    .addHelpText('after', EXAMPLES)
    .action((file, flags) => serve(file, flags, setExitCode));
}

const EXAMPLES = `
Examples:
  agent-infra gateway gateway.yaml
  agent-infra gateway gateway.yaml --port 0 --upstream http://127.0.0.1:9000

Agents use it like the provider: OPENAI_BASE_URL=http://127.0.0.1:8080/v1,
ANTHROPIC_BASE_URL=http://127.0.0.1:8080, with the agent's key as API key.
Metrics are at /metrics, health at /healthz. SIGTERM drains: running calls finish first.
`;

async function serve(file: string, flags: GatewayFlags, setExitCode: SetExitCode): Promise<void> {
  const [{ loadGatewayConfig, overrideGatewayConfig }, { startGateway }, system, { EXIT }] =
    await Promise.all([
      import('../config/gateway.ts'),
      import('../gateway/gateway.ts'),
      import('../system.ts'),
      import('../errors.ts'),
    ]);
  const loaded = await loadGatewayConfig(file, { env: system.environment() });
  const config = overrideGatewayConfig(loaded, flags);
  const gateway = await startGateway(config, { log: (line) => console.error(line) });
  process.stdout.write(`gateway listening on ${gateway.url}\n`);
  const signal = await new Promise<'SIGINT' | 'SIGTERM'>((resolve) => {
    system.onInterrupt(resolve);
  });
  console.error(`${signal}: draining, running calls have ${config.timeouts.drain / 1000} s`);
  await gateway.close();
  // A server that was told to stop and did is a success; only a cut-off run reports 130 or 143.
  setExitCode(EXIT.pass);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('expected a port number from 0 to 65535.');
}
