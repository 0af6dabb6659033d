import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

import { besideScenario } from '../config/scenario.ts';
import type { LoadedScenario } from '../config/scenario.ts';
import { AgentInfraError, asError } from '../errors.ts';

/** Longest start of a bundled server: Node's own start under load is about a second. */
const START_TIMEOUT_MS = 20_000;
/** After SIGTERM a server may drain this long before it is killed. */
const STOP_TIMEOUT_MS = 3000;
/** Lines of a server's log that are shown when it does not start. */
const LOG_LINES = 20;

export interface BundledServers {
  readonly providerUrl?: string | undefined;
  readonly gatewayUrl?: string | undefined;
  stop(): Promise<void>;
}

/**
 * Starts the provider and gateway of a scenario as child processes on free loopback ports.
 * @param entry module that runs the command line in a child and ends with its parent
 */
export async function startServers(scenario: LoadedScenario, entry: URL): Promise<BundledServers> {
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(stopChild));
  };
  const { gateway, provider } = scenario.servers;
  try {
    let providerUrl: string | undefined;
    let gatewayUrl: string | undefined;
    if (provider !== undefined) {
      const what =
        provider.preset === undefined
          ? [besideScenario(scenario, provider.config!)]
          : ['--preset', provider.preset];
      providerUrl = await startChild(entry, ['provider', ...what, ...LISTEN], children);
    }
    if (gateway !== undefined) {
      const upstream = providerUrl === undefined ? [] : ['--upstream', providerUrl];
      const config = besideScenario(scenario, gateway.config);
      gatewayUrl = await startChild(entry, ['gateway', config, ...LISTEN, ...upstream], children);
    }
    return { providerUrl, gatewayUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const LISTEN = ['--host', '127.0.0.1', '--port', '0'];

function startChild(
  entry: URL,
  args: readonly string[],
  children: ChildProcess[],
): Promise<string> {
  // Its own process group: Ctrl-C is for the load test, which then stops its servers itself.
  const child = fork(entry, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  children.push(child);
  const log: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error): void => {
      clearTimeout(timer);
      const message = [`agent-infra ${args[0]} ${why}`, ...log.slice(-LOG_LINES)].join('\n  ');
      reject(new AgentInfraError('listen.failed', message, cause === undefined ? {} : { cause }));
    };
    const timer = setTimeout(() => fail(`printed no address within 20 s`), START_TIMEOUT_MS);
    const note = (line: string): void => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
    };
    createInterface({ input: child.stderr! }).on('line', note);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      note(line);
      const url = /https?:\/\/[^\s"']+/.exec(line)?.[0];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url.replace(/\/+$/, ''));
    });
    child.once('error', (thrown) => fail('could not be started', asError(thrown)));
    child.once('exit', (code) => fail(`ended with exit code ${code}`));
  });
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
