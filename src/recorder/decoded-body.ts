import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** Bound on what a compressed body may unpack to: 1M-token prompts are about 4 MB. */
const LARGEST_BODY_BYTES = 64 * 1024 * 1024;

const DECODERS: Readonly<Record<string, (body: Buffer, options: object) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** A body as text; undefined when its encoding is unknown, broken or unpacks to too much. */
export function decodedBody(body: Buffer, encoding: string | undefined): string | undefined {
  return decodedBytes(body, encoding)?.toString('utf8');
}

/** A body without its encoding; undefined as above. */
export function decodedBytes(body: Buffer, encoding: string | undefined): Buffer | undefined {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return body;
  const name = encoding.toLowerCase();
  const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (decode === undefined) return undefined;
  try {
    return decode(body, { maxOutputLength: LARGEST_BODY_BYTES });
  } catch {
    return undefined;
  }
}
