import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SseParser } from '../../src/http/sse.ts';
import type { SseEvent } from '../../src/http/sse.ts';

function parse(bytes: Uint8Array, cuts: readonly number[] = []): SseEvent[] {
  const parser = new SseParser();
  const events: SseEvent[] = [];
  let from = 0;
  for (const cut of cuts.toSorted((a, b) => a - b)) {
    events.push(...parser.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return [...events, ...parser.push(bytes.subarray(from)), ...parser.end()];
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the grammar of event streams', () => {
  test.for([
    { why: 'LF', text: 'data: a\n\n', events: [{ event: '', data: 'a' }] },
    {
      why: 'CRLF',
      text: 'data: a\r\n\r\ndata: b\r\n\r\n',
      events: [
        { event: '', data: 'a' },
        { event: '', data: 'b' },
      ],
    },
    {
      why: 'CR',
      text: 'data: a\r\rdata: b\r\r',
      events: [
        { event: '', data: 'a' },
        { event: '', data: 'b' },
      ],
    },
    { why: 'no space after the colon', text: 'data:a\n\n', events: [{ event: '', data: 'a' }] },
    {
      why: 'one space is dropped, not two',
      text: 'data:  a\n\n',
      events: [{ event: '', data: ' a' }],
    },
    {
      why: 'event names',
      text: 'event: ping\ndata: {}\n\n',
      events: [{ event: 'ping', data: '{}' }],
    },
    {
      why: 'a name does not outlive its event',
      text: 'event: x\ndata: 1\n\ndata: 2\n\n',
      events: [
        { event: 'x', data: '1' },
        { event: '', data: '2' },
      ],
    },
    {
      why: 'several data lines join with LF',
      text: 'data: a\ndata\ndata: b\n\n',
      events: [{ event: '', data: 'a\n\nb' }],
    },
    {
      why: 'comments and unknown fields are ignored',
      text: ': keep-alive\nid: 1\nretry: 5\nfoo: x\ndata: a\n\n',
      events: [{ event: '', data: 'a' }],
    },
    { why: 'an event without data is none', text: 'event: ping\n\n\n\n', events: [] },
    { why: 'a byte order mark', text: '\uFEFFdata: a\n\n', events: [{ event: '', data: 'a' }] },
    {
      why: 'a missing last blank line is flagged',
      text: 'data: a\n\ndata: b\n',
      events: [
        { event: '', data: 'a' },
        { event: '', data: 'b', unterminated: true },
      ],
    },
    {
      why: 'a missing last line end too',
      text: 'data: b',
      events: [{ event: '', data: 'b', unterminated: true }],
    },
    { why: 'nothing', text: '', events: [] },
  ])('$why', ({ text, events }) => {
    expect(parse(encode(text))).toEqual(events);
  });
});

test('any split of the bytes gives the same events', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'data: ',
      'data:',
      'event: ',
      ':',
      '\n',
      '\r\n',
      '\r',
      '\n\n',
      '\r\n\r\n',
      ' ',
      '{"a":"ä🙂"}',
      '[DONE]',
    ),
    fc.string({ unit: 'grapheme', maxLength: 5 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }).map((pieces) => encode(pieces.join(''))),
      fc.array(fc.nat({ max: 200 }), { maxLength: 40 }),
      (bytes, cuts) => {
        const whole = parse(bytes);
        expect(
          parse(
            bytes,
            cuts.map((cut) => Math.min(cut, bytes.length)),
          ),
        ).toEqual(whole);
        const everyByte = Array.from(bytes, (_, index) => index);
        expect(parse(bytes, everyByte)).toEqual(whole);
      },
    ),
    { numRuns: 500 },
  );
});

test('no bytes make the parser throw, and what it returns is data from the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const length = parse(bytes).reduce((sum, { data }) => sum + data.length, 0);
      expect(length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
