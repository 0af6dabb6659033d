import { readPart } from '../traces/read.ts';
import { IdentityClaims } from '../traces/split-claims.ts';
import { partInput } from '../traces/split-inputs.ts';
import type { Part } from '../traces/split-inputs.ts';
import { ProfileFold } from '../workload/profile-fold.ts';
import type { PartSetup } from './profile-part.ts';

/** About what it takes to meet every kind of record of a trace; read in some 50 ms. */
const HEAD_BYTES = 1024 * 1024;
/** The second fold meets what the first one changed. */
const ROUNDS = 2;

/**
 * Reads the beginning of a part twice and throws the result away. V8 compiles hot code for the
 * shapes of objects that it has met; the second part of a thread makes a second fold, of other
 * shapes than the first one had when it was new, and most of the compiled code would be thrown
 * away. This way the shapes are settled before anything is hot: 15 % less CPU time for 2 GB in two
 * threads (bench/profile.mjs).
 * @param figures whether this thread also computes the profile in the end
 */
export async function rehearsePart(
  part: Part,
  { format, fold: options }: PartSetup,
  figures: boolean,
): Promise<void> {
  const [first] = part;
  if (first === undefined) return;
  const { open, ...input } = partInput(first);
  const head = { ...input, isCopy: false, bytes: undefined, open: () => headOf(open()) };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const fold = new ProfileFold(options);
      const claims = new IdentityClaims();
      await readPart([head], fold, { format, claims });
      claims.hashes();
      const merged = new ProfileFold(options);
      merged.merge(fold.state());
      if (figures) merged.profile({ name: '', format: '', files: [] });
    }
  } catch {
    // What cannot be read will be told when it is read in earnest.
  }
}

/** The whole lines of the beginning; nothing of a document that is one line. */
async function* headOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    // A copy: the chunk's memory is the next chunk's, see readFrom.
    kept.push(Buffer.from(chunk.subarray(0, HEAD_BYTES - bytes)));
    bytes += chunk.length;
    if (bytes >= HEAD_BYTES) break;
  }
  const head = Buffer.concat(kept);
  yield head.subarray(0, head.lastIndexOf(NEWLINE) + 1);
}

const NEWLINE = 10;
