import fc from 'fast-check';
import { expect, test } from 'vitest';

import { PriorityQueue } from '../../src/mechanisms/priority-queue.ts';
import type { Place, PriorityQueueOptions } from '../../src/mechanisms/priority-queue.ts';

const queue = (more: Partial<PriorityQueueOptions> = {}): PriorityQueue<string> =>
  new PriorityQueue({ agingMs: 1000, ...more });

function place(
  target: PriorityQueue<string>,
  nowMs: number,
  item: string,
  priority = 0,
  more = {},
): Place<string> {
  const enqueued = target.push(nowMs, item, { priority, ...more });
  if (!enqueued.queued) throw new Error('refused');
  return enqueued.place;
}

function drain(target: PriorityQueue<string>, nowMs = 0): string[] {
  const items: string[] = [];
  for (let item = target.pop(nowMs); item !== undefined; item = target.pop(nowMs)) items.push(item);
  return items;
}

test('the urgent first, in order of arrival within a class', () => {
  const target = queue();
  place(target, 0, 'batch', 3);
  place(target, 1, 'step', 1);
  place(target, 2, 'interactive', 0);
  place(target, 3, 'interactive-2', 0);
  expect(target.peek()).toBe('interactive');
  expect(drain(target)).toEqual(['interactive', 'interactive-2', 'step', 'batch']);
});

test('ageing: class 3 is overtaken only by what comes within 3 × agingMs after it', () => {
  const target = queue();
  place(target, 0, 'batch', 3);
  place(target, 2999, 'just in time');
  place(target, 3001, 'too late');
  expect(drain(target)).toEqual(['just in time', 'batch', 'too late']);
});

test('a full queue sheds its least urgent item for a more urgent one, else the newcomer', () => {
  const target = queue({ maxItems: 2 });
  place(target, 0, 'background', 2);
  place(target, 0, 'batch', 3);
  expect(target.push(1, 'interactive', { priority: 0 })).toMatchObject({
    queued: true,
    shed: ['batch'],
  });
  expect(target.push(2, 'batch-2', { priority: 3 })).toEqual({ queued: false });
  expect(drain(target)).toEqual(['interactive', 'background']);
});

test('weight is bounded: several may have to go; what never fits is refused', () => {
  const target = queue({ maxWeight: 100 });
  place(target, 0, 'a', 2, { weight: 40 });
  place(target, 0, 'b', 2, { weight: 40 });
  expect(target.push(0, 'huge', { priority: 0, weight: 101 })).toEqual({ queued: false });
  expect(target.push(1, 'c', { priority: 0, weight: 80 })).toMatchObject({ shed: ['b', 'a'] });
  expect(target.weight).toBe(80);
});

test('who leaves is gone at once, and only once', () => {
  const target = queue();
  const a = place(target, 0, 'a');
  place(target, 0, 'b');
  expect(target.remove(a)).toBe(true);
  expect(target.remove(a)).toBe(false);
  expect(target.size).toBe(1);
  expect(drain(target)).toEqual(['b']);
});

test('items past their deadline are never handed out', () => {
  const target = queue();
  place(target, 0, 'late', 0, { deadlineMs: 100 });
  place(target, 0, 'patient');
  place(target, 0, 'late too', 0, { deadlineMs: 100 });
  expect(target.expire(99)).toEqual([]);
  expect(target.pop(100)).toBe('patient');
  expect(target.pop(100)).toBeUndefined();
  expect(target.size).toBe(0);
});

test('a queue that is mostly cancelled does not keep its dead', () => {
  const target = queue();
  const places = Array.from({ length: 1000 }, (_, index) => place(target, index, String(index)));
  for (const one of places.slice(0, 990)) target.remove(one);
  expect(drain(target)).toEqual([
    '990',
    '991',
    '992',
    '993',
    '994',
    '995',
    '996',
    '997',
    '998',
    '999',
  ]);
});

test('property: every item comes out once or is accounted for; bounds hold; order is by key', () => {
  const action = fc.record({
    gapMs: fc.integer({ min: 0, max: 500 }),
    kind: fc.constantFrom('push', 'push', 'push', 'pop', 'remove'),
    priority: fc.integer({ min: 0, max: 3 }),
    weight: fc.integer({ min: 0, max: 30 }),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 150 }), (actions) => {
      const target = queue({ maxItems: 8, maxWeight: 100 });
      const waiting = new Map<string, { place: Place<string>; key: number; weight: number }>();
      let nowMs = 0;
      for (const [index, { gapMs, kind, priority, weight, pick }] of actions.entries()) {
        nowMs += gapMs;
        const name = String(index);
        if (kind === 'push') {
          const enqueued = target.push(nowMs, name, { priority, weight });
          if (enqueued.queued) {
            for (const shed of enqueued.shed) if (!waiting.delete(shed)) return false;
            waiting.set(name, { place: enqueued.place, key: nowMs + priority * 1000, weight });
          }
        } else if (kind === 'pop') {
          const keys = [...waiting.values()].map(({ key }) => key);
          const item = target.pop(nowMs);
          if (item === undefined) {
            if (waiting.size > 0) return false;
          } else {
            if (waiting.get(item)?.key !== Math.min(...keys)) return false;
            waiting.delete(item);
          }
        } else if (waiting.size > 0) {
          const [item, { place: own }] = [...waiting][pick % waiting.size]!;
          target.remove(own);
          waiting.delete(item);
        }
        let sum = 0;
        for (const entry of waiting.values()) sum += entry.weight;
        if (target.size !== waiting.size || target.weight !== sum) return false;
        if (target.size > 8 || target.weight > 100) return false;
      }
      return true;
    }),
  );
});
