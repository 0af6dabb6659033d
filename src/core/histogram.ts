import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { Histogram as HdrHistogram } from 'hdr-histogram-js';

/** 1 µs to 1 h at 3 significant digits: relative error below 0.1 %. */
const HIGHEST_US = 3_600_000_000;
const DIGITS = 3;
const US_PER_MS = 1000;

/**
 * Latency recorder over an HDR histogram: milliseconds in and out, integer microseconds inside.
 * The library counts NaN and Infinity silently and throws on negatives, so both are turned away
 * and counted here; values over an hour are clipped and counted. An empty histogram has no
 * quantiles: it answers undefined, never 0. Histograms merge exactly.
 */
export class LatencyHistogram {
  #hdr: HdrHistogram;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = Number.NEGATIVE_INFINITY;
  #rejected = 0;
  #clipped = 0;

  constructor() {
    this.#hdr = emptyHdr();
  }

  get count(): number {
    return this.#hdr.totalCount;
  }

  /** Values that were NaN, infinite or negative and therefore not recorded. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Values above one hour, recorded as one hour. */
  get clipped(): number {
    return this.#clipped;
  }

  get meanMs(): number | undefined {
    return this.count === 0 ? undefined : this.#sumMs / this.count;
  }

  get minMs(): number | undefined {
    return this.count === 0 ? undefined : this.#minMs;
  }

  get maxMs(): number | undefined {
    return this.count === 0 ? undefined : this.#maxMs;
  }

  /** Records a value `count` times; false when it was not a usable latency. */
  record(ms: number, count = 1): boolean {
    if (!Number.isFinite(ms) || ms < 0) {
      this.#rejected += count;
      return false;
    }
    let us = Math.max(1, Math.round(ms * US_PER_MS));
    if (us > HIGHEST_US) {
      us = HIGHEST_US;
      this.#clipped += count;
    }
    if (count === 1) this.#hdr.recordValue(us);
    else this.#hdr.recordValueWithCount(us, count);
    this.#sumMs += ms * count;
    if (ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    return true;
  }

  /**
   * Nearest-rank quantile (rounded up, as HDR does), at most the recorded maximum.
   * @param q in [0, 1]; 0.95 is the 95th percentile
   */
  quantileMs(q: number): number | undefined {
    if (this.count === 0) return undefined;
    if (q >= 1) return this.#maxMs;
    const ms = this.#hdr.getValueAtPercentile(q * 100) / US_PER_MS;
    return Math.min(Math.max(ms, this.#minMs), this.#maxMs);
  }

  /** Adds everything another histogram recorded; exact. */
  merge(other: LatencyHistogram): void {
    this.#hdr.add(other.#hdr);
    this.#sumMs += other.#sumMs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    this.#rejected += other.#rejected;
    this.#clipped += other.#clipped;
  }

  encode(): EncodedHistogram {
    return {
      hdr: encodeIntoCompressedBase64(this.#hdr),
      sumMs: this.#sumMs,
      ...(this.count === 0 ? {} : { minMs: this.#minMs, maxMs: this.#maxMs }),
      rejected: this.#rejected,
      clipped: this.#clipped,
    };
  }

  static decode(encoded: EncodedHistogram): LatencyHistogram {
    const histogram = new LatencyHistogram();
    histogram.#hdr = emptyHdr();
    histogram.#hdr.add(decodeFromCompressedBase64(encoded.hdr, 64));
    histogram.#sumMs = encoded.sumMs;
    histogram.#minMs = encoded.minMs ?? Number.POSITIVE_INFINITY;
    histogram.#maxMs = encoded.maxMs ?? Number.NEGATIVE_INFINITY;
    histogram.#rejected = encoded.rejected;
    histogram.#clipped = encoded.clipped;
    return histogram;
  }
}

/** Wire form: HdrHistogram V2 compressed base64 (readable by other HDR tools) plus exact moments. */
export interface EncodedHistogram {
  readonly hdr: string;
  readonly sumMs: number;
  readonly minMs?: number;
  readonly maxMs?: number;
  readonly rejected: number;
  readonly clipped: number;
}

function emptyHdr(): HdrHistogram {
  return build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US * 2, // a clipped hour must still fit its own bucket
    numberOfSignificantValueDigits: DIGITS,
    autoResize: false,
    useWebAssembly: false,
  });
}
