import { expect, test } from 'vitest';

import { tokenizerFactor } from '../../src/catalog/tokenizers.ts';

const of = (model: string, calls = 100): { model: string; calls: number } => ({ model, calls });

test.for([
  {
    why: 'Haiku 4.5 to 5.5 costs 30 % more tokens',
    from: [of('claude-haiku-4-5')],
    to: 'claude-haiku-5-5',
    answer: { kind: 'factor', factor: 1.3 },
  },
  {
    why: 'and back',
    from: [of('claude-opus-4-8')],
    to: 'claude-sonnet-4-6',
    answer: { kind: 'factor', factor: 1 / 1.3 },
  },
  {
    why: 'dated ids and cloud prefixes are the same model',
    from: [of('claude-haiku-4-5-20251001')],
    to: 'regional.anthropic.claude-opus-5-5',
    answer: { kind: 'factor', factor: 1.3 },
  },
  {
    why: 'one tokenizer within OpenAI’s models',
    from: [of('gpt-4o')],
    to: 'gpt-5.4-mini',
    answer: { kind: 'same' },
  },
  {
    why: 'between makers nobody publishes a factor: said, not guessed',
    from: [of('gpt-4.1')],
    to: 'claude-opus-5',
    answer: { kind: 'unpublished', from: 'o200k', to: 'Claude 4.7 and later' },
  },
  { why: 'an unknown target', from: [of('gpt-4.1')], to: 'grok-4.6', answer: { kind: 'unknown' } },
  { why: 'an unknown source', from: [of('sim-1')], to: 'gpt-5.5', answer: { kind: 'unknown' } },
  { why: 'no models in the trace', from: [], to: 'gpt-5.5', answer: { kind: 'unknown' } },
  {
    why: 'a mixture speaks for no tokenizer',
    from: [of('gpt-4.1'), of('claude-opus-5')],
    to: 'gpt-5.5',
    answer: { kind: 'unknown' },
  },
  {
    why: 'a few strays do not',
    from: [of('gpt-4.1', 99), of('claude-opus-5', 1)],
    to: 'gpt-5.5',
    answer: { kind: 'same' },
  },
])('$why', ({ from, to, answer }) => {
  expect(tokenizerFactor(from, to)).toMatchObject(answer);
});
