import { expect, test } from 'vitest';

import { readers, type TraceFormat } from '../../src/traces/readers.ts';
import { samples, type TraceSample } from '../fixtures/traces/samples.ts';
import { traceReaderConformance } from './trace-reader.ts';

const byFormat: Readonly<Record<TraceFormat, TraceSample>> = samples;
const formats = Object.keys(readers) as TraceFormat[];

test('every reader has a sample', () => {
  expect(Object.keys(samples).toSorted()).toEqual(formats.toSorted());
});

for (const format of formats) {
  traceReaderConformance({ format, sample: byFormat[format], others: Object.values(byFormat) });
}
