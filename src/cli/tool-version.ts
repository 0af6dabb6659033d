import { readFileSync } from 'node:fs';

/** Version of this package, as its package.json says. */
export function toolVersion(): string {
  const url = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
}
