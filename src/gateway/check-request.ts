import type { IncomingMessage } from 'node:http';

import { Refusal } from './refusal.ts';

/**
 * Node's parser already refuses CL with TE, bad lengths, obs-fold, bare CR and oversized headers.
 * It accepts what stands here, so the gateway must refuse it (RFC 9112 3.2, 6.1; smuggling).
 */
const ONCE = new Set([
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'anthropic-version',
]);

/** Throws a Refusal when two parties could read the request differently. */
export function checkRequest(request: IncomingMessage): void {
  const { rawHeaders, httpVersion } = request;
  // As many names as headers: none is there twice. Nearly every request.
  if (Object.keys(request.headers).length * 2 !== rawHeaders.length) checkOnce(rawHeaders);
  if (httpVersion !== '1.1' && request.headers['transfer-encoding'] !== undefined) {
    throw badRequest('bad_framing', `HTTP/${httpVersion} has no transfer-encoding`);
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Refusal('request bodies must not be compressed', {
      status: 415,
      code: 'unsupported_content_encoding',
      outcome: 'refused',
    });
  }
}

function checkOnce(rawHeaders: readonly string[]): void {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) throw badRequest('duplicate_header', `the header ${name} is given twice`);
    seen.add(name);
  }
}

function badRequest(code: string, message: string): Refusal {
  return new Refusal(message, { status: 400, code, outcome: 'refused' });
}
