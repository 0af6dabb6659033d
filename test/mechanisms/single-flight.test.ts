import fc from 'fast-check';
import { expect, test } from 'vitest';

import { SingleFlight } from '../../src/mechanisms/single-flight.ts';

test('the first leads, the others follow, all are told', () => {
  const flights = new SingleFlight<string>();
  expect(['a', 'b', 'c'].map((caller) => flights.join('key', caller))).toEqual([
    'leader',
    'follower',
    'follower',
  ]);
  expect(flights.join('other', 'd')).toBe('leader');
  expect(flights.complete('key')).toEqual(['a', 'b', 'c']);
  expect(flights.complete('key')).toEqual([]);
  expect(flights.size).toBe(1);
});

test('when the leader leaves the next one leads; the last one to leave abandons the call', () => {
  const flights = new SingleFlight<string>();
  for (const caller of ['a', 'b', 'c']) flights.join('key', caller);
  expect(flights.leave('key', 'b')).toEqual({ kind: 'left' });
  expect(flights.leave('key', 'a')).toEqual({ kind: 'promoted', leader: 'c' });
  expect(flights.leave('key', 'a')).toEqual({ kind: 'unknown' });
  expect(flights.leave('key', 'c')).toEqual({ kind: 'abandoned' });
  expect(flights.join('key', 'd')).toBe('leader');
});

test('property: every caller is told exactly once or left; a key with callers has one leader', () => {
  const action = fc.record({ kind: fc.constantFrom('join', 'leave', 'complete'), pick: fc.nat() });
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const flights = new SingleFlight<number>();
      let leader: number | undefined;
      let present: number[] = [];
      for (const [caller, { kind, pick }] of actions.entries()) {
        if (kind === 'join') {
          const role = flights.join('key', caller);
          if ((role === 'leader') !== (present.length === 0)) return false;
          if (role === 'leader') leader = caller;
          present.push(caller);
        } else if (kind === 'complete') {
          if (flights.complete('key').join(',') !== present.join(',')) return false;
          present = [];
        } else if (present.length > 0) {
          const [gone] = present.splice(pick % present.length, 1);
          const departure = flights.leave('key', gone!);
          if (departure.kind === 'promoted') {
            if (gone !== leader || departure.leader !== present[0]) return false;
            leader = departure.leader;
          } else if (departure.kind !== (present.length === 0 ? 'abandoned' : 'left')) return false;
        }
      }
      return flights.size === (present.length === 0 ? 0 : 1);
    }),
  );
});
