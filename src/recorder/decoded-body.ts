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
  if (encoding === undefined || encoding === '' || encoding === 'identity')
    return body.toString('utf8');
  const decode = DECODERS[encoding.toLowerCase()];
  if (decode === undefined) return undefined;
  try {
    return decode(body, { maxOutputLength: LARGEST_BODY_BYTES }).toString('utf8');
  } catch {
    return undefined;
  }
}
