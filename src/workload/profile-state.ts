import type { EstimateReport } from '../core/trace.ts';
import type { CacheFoldState } from './cacheability.ts';
import type { CallSketchState } from './call-sketch.ts';
import type { CallTableState } from './call-table.ts';
import type { ModelSharesState } from './model-shares.ts';
import type { SessionFoldState } from './session-fold.ts';
import type { RecordCountsState } from './record-counts.ts';
import type { SideFoldsState } from './side-folds.ts';
import type { SkeletonSampleState } from './skeletons.ts';
import type { StructureFoldState } from './structure.ts';

/**
 * What a ProfileFold holds, as plain data: objects, lists, text, numbers and Float64Arrays. Goes
 * between threads as it is and into shard files (cli/profile-shard.ts). No ids, no content: names
 * of models, tools and agents, sizes, times, and the trace's own hashes of prefix blocks.
 */
export interface ProfileState extends RecordCountsState {
  readonly calls: { readonly table: CallTableState } | { readonly sketch: CallSketchState };
  readonly sessions: SessionFoldState;
  readonly structure: StructureFoldState;
  readonly cache: CacheFoldState;
  readonly skeletons: SkeletonSampleState;
  readonly models: ModelSharesState;
  readonly side: SideFoldsState;
  readonly counts: Readonly<
    Record<
      'calls' | 'attempts' | 'errors' | 'embeddings' | 'estimated' | 'missing' | 'untimed',
      number
    >
  >;
  /** How missing token counts were estimated; absent in states without estimates. */
  readonly estimates?: readonly EstimateReport[] | undefined;
}
