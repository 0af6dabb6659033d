import { main } from './main.ts';

/**
 * Runs the command line in a child process that a load test has forked. The channel to the parent
 * closes when the parent ends, however it ends (SIGKILL too): then this process ends as well.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The channel alone must not keep a server alive that has drained.
process.channel?.unref();
process.exitCode = await main(process.argv.slice(2));
if (process.connected) process.disconnect();
