/** The organization every key belongs to, in error texts and headers. */
export const ORGANIZATION = 'org-simulated';

/** Whole seconds for `retry-after`, never 0: a client told 0 comes back at once. */
export function retryAfterSeconds(waitMs: number): string {
  return String(Math.max(1, Math.ceil(waitMs / 1000)));
}
