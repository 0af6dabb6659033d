#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`agent-infra needs Node 20.19 or newer, this is ${process.version}`);
  process.exit(4);
}
process.env.NODE_ENV ??= 'production'; // before React is imported: it picks its build then
const { main } = await import('../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
