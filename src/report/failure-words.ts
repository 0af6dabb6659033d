/** What the codes of failed attempts mean to a reader. Codes of Node.js, of undici, and our own. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'connection reset by the target',
  EPIPE: 'connection closed by the target while sending',
  ETIMEDOUT: 'no connection within the time of the operating system',
  EHOSTUNREACH: 'no route to the target',
  ENOTFOUND: 'the name of the target is unknown',
  EMFILE: 'this client has no file descriptors left: raise ulimit -n',
  EADDRNOTAVAIL: 'this client has no ports left',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  timeout: 'no complete answer in time',
  truncated: 'the stream ended without its last event',
  'connection-error': 'the connection failed',
  'http-401': 'the key was not accepted',
  'http-403': 'not allowed',
  'http-404': 'no such path or model',
  'http-429': 'refused by a rate limit',
  'http-500': 'error of the target',
  'http-502': 'the target could not reach what is behind it',
  'http-503': 'the target is unavailable',
  'http-529': 'the target is overloaded',
};

/** One phrase for an error code; empty where the code says it all. */
export function failureWords(code: string): string {
  if (code.startsWith('in-stream-')) return 'an error event inside a stream that began well';
  return WORDS[code] ?? '';
}
