import type { EmbeddingSettings } from '../config/provider.ts';
import { Random } from '../core/random.ts';
import type { EmbeddingRequest } from '../http/openai-embeddings.ts';

/** Unit vectors, one per input: the same model, text and size always give the same one. */
export function embed(
  { id, dimensions }: EmbeddingSettings,
  request: EmbeddingRequest,
  seed: string,
): readonly Float32Array[] {
  const size = request.dimensions ?? dimensions;
  return request.inputs.map((input) =>
    unitVector(new Random(`${seed}/${id}/${size}/${input}`), size),
  );
}

function unitVector(random: Random, size: number): Float32Array {
  const vector = new Float32Array(size);
  let squares = 0;
  for (let index = 0; index < size; index += 1) {
    const value = random.normal();
    vector[index] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  for (let index = 0; index < size; index += 1) vector[index]! /= length;
  return vector;
}
