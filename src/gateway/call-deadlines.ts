import type { GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import { Deadlines } from '../core/deadlines.ts';

/** The four time limits of every call, each one timer for all calls together. */
export interface CallDeadlines {
  /** From the headers of a request to the end of its body. */
  readonly body: Deadlines;
  /** From asking the provider to the first token. */
  readonly firstToken: Deadlines;
  /** Silence within a reply. */
  readonly idle: Deadlines;
  /** From asking the provider to the end of its reply. */
  readonly total: Deadlines;
}

export function callDeadlines(timeouts: GatewayConfig['timeouts'], clock: Clock): CallDeadlines {
  return {
    body: new Deadlines(clock, timeouts.body),
    firstToken: new Deadlines(clock, timeouts.firstToken),
    idle: new Deadlines(clock, timeouts.idle),
    total: new Deadlines(clock, timeouts.total),
  };
}

export function closeDeadlines({ body, firstToken, idle, total }: CallDeadlines): void {
  for (const deadlines of [body, firstToken, idle, total]) deadlines.close();
}
