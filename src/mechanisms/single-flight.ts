export type Role = 'leader' | 'follower';

export type Departure<Caller> =
  /** Others still wait for the leader. */
  | { readonly kind: 'left' }
  /** The leader left and this follower is the leader now: the call goes on for it. */
  | { readonly kind: 'promoted'; readonly leader: Caller }
  /** Nobody is left: the call may be stopped. */
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'unknown' };

/**
 * Callers that ask the same thing at the same time share one call. The first leads; when it leaves,
 * the next takes over, so that a lost connection does not fail the others.
 */
export class SingleFlight<Caller> {
  /** Per key the callers in order of arrival; the first leads. */
  readonly #flights = new Map<string, Set<Caller>>();

  get size(): number {
    return this.#flights.size;
  }

  join(key: string, caller: Caller): Role {
    const flight = this.#flights.get(key);
    if (flight === undefined) {
      this.#flights.set(key, new Set([caller]));
      return 'leader';
    }
    flight.add(caller);
    return 'follower';
  }

  /** The call ended, well or not: everyone to tell, leader first. */
  complete(key: string): Caller[] {
    const flight = this.#flights.get(key);
    this.#flights.delete(key);
    return [...(flight ?? [])];
  }

  leave(key: string, caller: Caller): Departure<Caller> {
    const flight = this.#flights.get(key);
    if (flight === undefined || !flight.has(caller)) return { kind: 'unknown' };
    const [leader] = flight;
    flight.delete(caller);
    const [next] = flight;
    if (flight.size === 0) {
      this.#flights.delete(key);
      return { kind: 'abandoned' };
    }
    return leader === caller ? { kind: 'promoted', leader: next! } : { kind: 'left' };
  }
}
