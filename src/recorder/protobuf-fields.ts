/** A body that is not valid protobuf, or larger in count than any exporter sends. */
export class ProtobufError extends Error {}

/** One field of a message. Varints and fixed fields are numbers, everything else is a slice. */
export type ProtobufField =
  | { readonly number: number; readonly kind: 'varint' | 'fixed64'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'fixed32'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array };

/** A 64-bit varint has at most ten bytes of seven bits. */
const LONGEST_VARINT_BYTES = 10;
const LARGEST_FIELD_NUMBER = 2 ** 29 - 1;
const MASK_64 = 0xffff_ffff_ffff_ffffn;

/**
 * The fields of one protobuf message in wire order (protobuf.dev/programming-guides/encoding). Never
 * reads past the end: a length beyond it, an endless varint, a group (in no proto3 message) or an
 * unknown wire type end the reading.
 * @throws ProtobufError
 */
export function* protobufFields(bytes: Uint8Array): Generator<ProtobufField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const skip = (length: number): number => {
    const start = at;
    if (length > bytes.length - start) throw new ProtobufError('a field runs past the end');
    at += length;
    return start;
  };
  const varint = (): bigint => {
    let [low, shift] = [0, 0];
    let high = 0n;
    for (let index = 0; index < LONGEST_VARINT_BYTES; index += 1) {
      const byte = bytes[skip(1)]!;
      // Numbers up to 2^28 need no big integers: tags, lengths, counts.
      if (index < 4) low += (byte & 0x7f) << shift;
      else high |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return (high | BigInt(low)) & MASK_64;
      shift += 7;
    }
    throw new ProtobufError('a number does not end');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    if (number === 0 || number > LARGEST_FIELD_NUMBER) throw new ProtobufError('no such field');
    switch (tag % 8) {
      case 0:
        yield { number, kind: 'varint', value: varint() };
        break;
      case 1:
        yield { number, kind: 'fixed64', value: view.getBigUint64(skip(8), true) };
        break;
      case 2: {
        const length = Number(varint());
        const start = skip(length);
        yield { number, kind: 'bytes', value: bytes.subarray(start, start + length) };
        break;
      }
      case 5:
        yield { number, kind: 'fixed32', value: view.getUint32(skip(4), true) };
        break;
      default:
        throw new ProtobufError('an unknown wire type');
    }
  }
}
