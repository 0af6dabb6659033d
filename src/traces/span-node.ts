import type { SpanRecord } from './span-record.ts';

/** A span in its tree. */
export interface SpanNode {
  readonly span: SpanRecord;
  readonly children: SpanNode[];
  parent: SpanNode | undefined;
  /** An LLM call of its own: a leaf, or an aggregate that nothing below explains. */
  isCall: boolean;
}
