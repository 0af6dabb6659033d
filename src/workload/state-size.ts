import type { Session, StateOperation } from '../core/trace.ts';
import { sessionOrder } from './order-key.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import type { Summary } from './summary.ts';

/** How much state agents read and write, where the source tells sizes. */
export interface StateSizes {
  /** Characters per read and per write. */
  readonly readSize: Summary | null;
  readonly writeSize: Summary | null;
  /** Characters written per session that writes. */
  readonly writtenPerSession: Summary | null;
  /** Growth: last read of a store in a session minus its first one, in characters. */
  readonly readGrowth: Summary | null;
  /** Records, documents or rows per operation. */
  readonly records: Summary | null;
}

const SERIES = ['readSize', 'writeSize', 'writtenPerSession', 'readGrowth', 'records'] as const;

/** Folds the state operations of sessions. */
export class StateFold {
  readonly #series = {
    readSize: new Series(),
    writeSize: new Series(),
    writtenPerSession: new Series(),
    readGrowth: new Series(),
    records: new Series(),
  } satisfies Record<(typeof SERIES)[number], Series>;

  add(session: Session): void {
    const operations = session.turns.flatMap(({ steps }) =>
      steps.filter((step): step is StateOperation => step.kind === 'state'),
    );
    if (operations.length === 0) return;
    const series = this.#series;
    const keyAt = sessionOrder(session);
    const firstKey = keyAt(operations[0]!.startMs);
    const reads = new Map<string, { readonly first: number; last: number; count: number }>();
    let written: number | undefined;
    for (const { operation, store = '', bytes, records, startMs } of operations) {
      const key = keyAt(startMs);
      series.records.add(records, key);
      if (bytes === undefined) continue;
      if (operation === 'write') {
        series.writeSize.add(bytes, key);
        written = (written ?? 0) + bytes;
        continue;
      }
      series.readSize.add(bytes, key);
      const known = reads.get(store);
      if (known === undefined) reads.set(store, { first: bytes, last: bytes, count: 1 });
      else {
        known.last = bytes;
        known.count += 1;
      }
    }
    series.writtenPerSession.add(written, firstKey);
    for (const { first, last, count } of reads.values()) {
      if (count > 1) series.readGrowth.add(last - first, firstKey);
    }
  }

  state(): StateFoldState {
    return SERIES.map((name) => this.#series[name].state());
  }

  merge(state: StateFoldState): void {
    for (const [index, name] of SERIES.entries()) this.#series[name].merge(state[index]!);
  }

  /** Null when no size is known. */
  figures(): StateSizes | null {
    const { readSize, writeSize, writtenPerSession, readGrowth, records } = this.#series;
    const sizes = {
      readSize: readSize.summary(),
      writeSize: writeSize.summary(),
      writtenPerSession: writtenPerSession.summary(),
      readGrowth: readGrowth.summary(),
      records: records.summary(),
    };
    return Object.values(sizes).every((summary) => summary === null) ? null : sizes;
  }
}

export type StateFoldState = readonly SeriesState[];
