import type { Meter } from './meter.ts';

/** One limit of several that a call must pass together, for example `tokens` of an OpenAI key. */
export interface Dimension {
  readonly name: string;
  /** What it counts, when several limits count the same (`rpm` and `rpd` both count `requests`). */
  readonly unit?: string | undefined;
  readonly meter: Meter;
}

/** Amounts by unit, or by name for a dimension without one. What is not named is not touched. */
export type Amounts = Readonly<Record<string, number | undefined>>;

/** `reserved → settled | refunded | expired`, exactly once. Treat as opaque. */
export interface Reservation {
  readonly atMs: number;
  readonly amounts: Amounts;
  readonly state: 'reserved' | 'settled' | 'refunded' | 'expired';
}

interface OpenReservation extends Reservation {
  amounts: Amounts;
  state: Reservation['state'];
  expiresAtMs: number;
}

/** One dimension as the limit itself keeps it: the unit is resolved. */
interface Counted {
  readonly name: string;
  readonly unit: string;
  readonly meter: Meter;
}

export type ReserveDecision =
  | { readonly admitted: true; readonly reservation: Reservation }
  | {
      readonly admitted: false;
      /** The longest wait over all dimensions; Infinity when the call can never pass. */
      readonly waitMs: number;
      /** The dimension that asks for that wait. */
      readonly dimension: string;
      readonly requested: number;
      /** What already counted against that dimension. */
      readonly used: number;
      readonly limit: number;
    };

export interface RateLimitOptions {
  /** Dimensions released at the end of a call, whatever it cost (calls in flight). */
  readonly held?: readonly string[] | undefined;
  /** A refused call still counts against these dimensions when they have room (OpenAI, Azure). */
  readonly countRefused?: readonly string[] | undefined;
  /** A reservation nobody settles within this time is charged as reserved; never when absent. */
  readonly reservationTtlMs?: number | undefined;
}

/**
 * Several limits taken atomically: either every dimension is debited or none. A reservation is
 * closed once, by `settle` with what the call really used, by `refund`, or by its time to live;
 * closing it again does nothing, so that a retry and a disconnect cannot both reconcile.
 */
export class RateLimit {
  readonly dimensions: readonly Dimension[];
  readonly #counted: readonly Counted[];
  readonly #held: ReadonlySet<string>;
  readonly #countRefused: ReadonlySet<string>;
  readonly #ttlMs: number;
  /** Open reservations in the order of reservation; only kept when they can expire. */
  readonly #open = new Set<OpenReservation>();

  constructor(dimensions: readonly Dimension[], options: RateLimitOptions = {}) {
    this.dimensions = dimensions;
    this.#counted = dimensions.map(({ name, unit, meter }) => ({
      name,
      unit: unit ?? name,
      meter,
    }));
    this.#held = new Set(options.held);
    this.#countRefused = new Set(options.countRefused);
    this.#ttlMs = options.reservationTtlMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Debits all amounts or nothing.
   * @param estimated dimensions whose amount is a guess: it is cut to the limit, so that a guess
   *   alone never makes a call impossible; an explicit amount above the limit waits for ever
   */
  reserve(nowMs: number, amounts: Amounts, estimated?: ReadonlySet<string>): ReserveDecision {
    if (this.#open.size > 0) this.expire(nowMs);
    const asked = estimated === undefined ? amounts : this.#clamp(amounts, estimated);
    let waitMs = 0;
    let binding: Counted | undefined;
    for (const dimension of this.#counted) {
      const amount = asked[dimension.unit];
      if (amount === undefined) continue;
      const wait = dimension.meter.waitMs(nowMs, amount);
      if (wait > waitMs) {
        waitMs = wait;
        binding = dimension;
      }
    }
    if (binding !== undefined) return this.#refuse(nowMs, asked, binding, waitMs);
    for (const { unit, meter } of this.#counted) {
      const amount = asked[unit];
      if (amount !== undefined) meter.force(nowMs, amount);
    }
    const reservation: OpenReservation = {
      atMs: nowMs,
      amounts: asked,
      state: 'reserved',
      expiresAtMs: nowMs + this.#ttlMs,
    };
    if (this.#ttlMs !== Number.POSITIVE_INFINITY) this.#open.add(reservation);
    return { admitted: true, reservation };
  }

  /**
   * Closes with the real amounts: the difference is given back or taken, below zero if need be.
   * Dimensions absent from `actual` keep what was reserved; held ones are released.
   * @returns false when the reservation was closed before (nothing is changed)
   */
  settle(nowMs: number, reservation: Reservation, actual: Amounts): boolean {
    if (!this.#close(reservation, 'settled')) return false;
    for (const { unit, meter } of this.#counted) {
      const reserved = reservation.amounts[unit] ?? 0;
      const used = this.#held.has(unit) ? 0 : (actual[unit] ?? reserved);
      correct(meter, nowMs, reservation.atMs, used - reserved);
    }
    return true;
  }

  /**
   * Gives everything back, except the dimensions in `keep` (a provider counts the request of a
   * failed call even if its tokens are returned).
   * @returns false when the reservation was closed before (nothing is changed)
   */
  refund(nowMs: number, reservation: Reservation, keep: readonly string[] = []): boolean {
    if (!this.#close(reservation, 'refunded')) return false;
    for (const { unit, meter } of this.#counted) {
      const reserved = reservation.amounts[unit] ?? 0;
      if (!keep.includes(unit) || this.#held.has(unit)) {
        correct(meter, nowMs, reservation.atMs, -reserved);
      }
    }
    return true;
  }

  /** Debits more while the call runs (Anthropic counts output tokens as they are generated). */
  extend(nowMs: number, reservation: Reservation, unit: string, amount: number): void {
    if (reservation.state !== 'reserved') return;
    let found = false;
    for (const counted of this.#counted) {
      if (counted.unit !== unit) continue;
      counted.meter.force(nowMs, amount);
      found = true;
    }
    if (!found) return;
    const amounts = { ...reservation.amounts, [unit]: (reservation.amounts[unit] ?? 0) + amount };
    (reservation as OpenReservation).amounts = amounts;
  }

  /** Progress of a stream: the time to live starts again. */
  renew(nowMs: number, reservation: Reservation): void {
    const open = reservation as OpenReservation;
    if (!this.#open.delete(open)) return;
    open.expiresAtMs = nowMs + this.#ttlMs;
    this.#open.add(open);
  }

  /** Closes reservations whose time has run out, charging what they reserved. Returns how many. */
  expire(nowMs: number): number {
    let expired = 0;
    for (const reservation of this.#open) {
      if (reservation.expiresAtMs > nowMs) break;
      this.#close(reservation, 'expired');
      for (const { unit, meter } of this.#counted) {
        if (this.#held.has(unit)) meter.give(nowMs, reservation.amounts[unit] ?? 0);
      }
      expired += 1;
    }
    return expired;
  }

  #refuse(nowMs: number, asked: Amounts, binding: Counted, waitMs: number): ReserveDecision {
    const { name, unit, meter } = binding;
    const decision: ReserveDecision = {
      admitted: false,
      waitMs,
      dimension: name,
      requested: asked[unit]!,
      used: meter.used(nowMs),
      limit: meter.limit,
    };
    // Counting stops at a full meter: public 429 bodies never show Used above Limit, and the wait
    // they print would be wrong if the refusal itself moved it.
    for (const counted of this.#counted) {
      const amount = asked[counted.unit];
      if (amount !== undefined && this.#countRefused.has(counted.unit)) {
        counted.meter.take(nowMs, amount);
      }
    }
    return decision;
  }

  #clamp(amounts: Amounts, estimated: ReadonlySet<string>): Amounts {
    const clamped: Record<string, number | undefined> = { ...amounts };
    for (const { unit, meter } of this.#counted) {
      const amount = clamped[unit];
      if (amount !== undefined && estimated.has(unit))
        clamped[unit] = Math.min(amount, meter.limit);
    }
    return clamped;
  }

  #close(reservation: Reservation, state: Reservation['state']): boolean {
    if (reservation.state !== 'reserved') return false;
    const open = reservation as OpenReservation;
    open.state = state;
    this.#open.delete(open);
    return true;
  }
}

function correct(meter: Meter, nowMs: number, debitedAtMs: number, difference: number): void {
  if (difference > 0) meter.force(nowMs, difference);
  else if (difference < 0) meter.give(nowMs, -difference, debitedAtMs);
}
