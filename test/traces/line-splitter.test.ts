import { array, assert, constantFrom, integer, property, string } from 'fast-check';
import { expect, test } from 'vitest';

import { LineSplitter } from '../../src/traces/line-splitter.ts';

/** Lines as the splitter gives them; null for one that is too long. */
function linesOf(text: string, cuts: readonly number[], longest?: number): (string | null)[] {
  const lines: (string | null)[] = [];
  const splitter = new LineSplitter(
    (bytes, start, end) => lines.push(bytes.toString('utf8', start, end)),
    () => lines.push(null),
    longest,
  );
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  const sorted = places.toSorted((a, b) => a - b);
  for (const [index, start] of sorted.entries()) {
    // One memory for all chunks, as readFrom hands them out.
    const chunk = Buffer.from(bytes.subarray(start, sorted[index + 1] ?? bytes.length));
    splitter.push(chunk);
    chunk.fill(0);
  }
  splitter.end();
  return lines;
}

const text = array(constantFrom('a', '\n', '\r\n', 'é', '\r'), { maxLength: 60 }).map((parts) =>
  parts.join(''),
);
const cuts = array(integer({ min: 0, max: 200 }), { maxLength: 8 });

test('lines do not depend on where the chunks are cut', () => {
  assert(
    property(text, cuts, (content, places) => {
      const lines = content.split('\n');
      // After the last line end there is no line.
      if (lines.at(-1) === '') lines.pop();
      expect(linesOf(content, places)).toEqual(lines.map((line) => line.replace(/\r$/, '')));
    }),
  );
});

test('a line over many chunks that is too long is passed over once, and its neighbours are read', () => {
  const long = 'x'.repeat(50);
  // Every byte a chunk of its own; whole lines in one chunk need no memory, however long.
  const everywhere = Array.from({ length: 80 }, (_, index) => index);
  expect(linesOf(`a\n${long}\nb\n`, everywhere, 20)).toEqual(['a', null, 'b']);
  expect(linesOf(`a\n${long}\n${long}`, [10, 70], 20)).toEqual(['a', null, null]);
  expect(linesOf(`${long}\nb`, [], 20)).toEqual([long, 'b']);
});

test('what is passed over never changes what stands around it', () => {
  assert(
    property(array(string({ maxLength: 40 }), { maxLength: 12 }), cuts, (parts, places) => {
      const lines = parts.map((part) => part.replaceAll(/[\r\n]/g, ' '));
      const found = linesOf(lines.map((line) => `${line}\n`).join(''), places, 16);
      expect(found.map((line, index) => line ?? lines[index])).toEqual(lines);
    }),
  );
});
