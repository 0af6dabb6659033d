import { describe, expect, test } from 'vitest';

import type { EstimateReport } from '../../src/core/trace.ts';
import { EstimateNotes } from '../../src/workload/estimate-notes.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';

const report = (fields: Partial<EstimateReport>): EstimateReport => ({
  model: 'gpt-4o',
  role: 'input',
  calls: 10,
  basis: 'tokenizer',
  samples: 0,
  low: 0.99,
  high: 1.025,
  ...fields,
});

describe('notes on estimates', () => {
  test('say method, calls and band', () => {
    const notes = new EstimateNotes();
    notes.add([
      report({}),
      report({ role: 'answers', basis: 'calibrated', samples: 20, low: 0.9, high: 1.2, calls: 9 }),
      report({ role: 'tool calls', model: 'claude-opus-5', low: null, high: null, calls: 1 }),
    ]);
    expect(notes.warnings()).toEqual([
      'Input of gpt-4o estimated for 10 calls: tokenizer, nothing to correct it by; a single call truly has −1% to +2.5% (p5 to p95).',
      'Output of answers of gpt-4o estimated for 9 calls: tokenizer, corrected by 20 calls that report usage; a single call truly has −10% to +20% (p5 to p95).',
      'Output of tool calls of claude-opus-5 estimated for 1 call: tokenizer, nothing to correct it by; how far it is off is not known for this model.',
    ]);
  });

  test('of parts join: calls add, the band is the wider one, unknown stays unknown', () => {
    const notes = new EstimateNotes();
    notes.add([report({ low: 0.95 })]);
    notes.add([report({ high: 1.5 }), report({ role: 'answers' })]);
    notes.add([report({ role: 'answers', low: null, high: null })]);
    expect(notes.list()).toEqual([
      report({ calls: 20, low: 0.95, high: 1.5 }),
      report({ role: 'answers', calls: 20, low: null, high: null }),
    ]);
  });

  test('are warnings of the profile, also of a merged one', () => {
    const [whole, part] = [new ProfileFold(), new ProfileFold()];
    part.estimates([report({})]);
    whole.merge(part.state());
    const { warnings } = whole.profile({ name: 'p', format: 'f', files: [] });
    expect(warnings.join('\n')).toContain('Input of gpt-4o estimated for 10 calls');
  });
});
