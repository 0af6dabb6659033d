import type { Fault } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import { answerError, commonHeaders } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { errorOf, retryHeaders } from './fault-effects.ts';
import type { Pacer } from './pacer.ts';

const HTML_PAGE =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudfront</center>\r\n</body>\r\n</html>\r\n';

interface Context {
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly nowEpochMs: () => number;
  /** Goes on with the call as if nothing had happened. */
  readonly proceed: () => void;
}

/** Lets faults strike that come before any reply; all others go on and strike later. */
export function strikeBeforeReply(
  fault: Fault | undefined,
  exchange: Exchange,
  { pacer, clock, nowEpochMs, proceed }: Context,
): void {
  switch (fault?.kind) {
    case 'status': {
      const told = retryHeaders(fault, nowEpochMs());
      const headers = { ...commonHeaders(exchange, clock.now()), ...told };
      answerError(exchange, errorOf(fault), headers, 'fault');
      return;
    }
    case 'html':
      exchange.sink.head(200, { 'content-type': 'text/html' });
      exchange.record.status = 200;
      exchange.sink.end(HTML_PAGE);
      exchange.end('fault');
      return;
    case 'reset':
      if ((fault.afterTokens ?? 0) > 0) break;
      exchange.sink.reset();
      exchange.end('fault');
      return;
    case 'slow-headers': {
      // Without a delay nothing ever comes: the record is closed when the client gives up.
      if (fault.delay === undefined) return;
      pacer.at(clock.now() + fault.delay, () => {
        if (!exchange.isOver()) proceed();
      });
      return;
    }
    case 'stale-connection':
      exchange.sink.expireConnection?.();
      break;
    case 'slow-first-token':
    case 'skip-event':
    case 'reorder-events':
    case 'cut-arguments':
    case 'stall':
    case 'error-event':
    case 'truncate':
    case 'malformed-json':
    case 'wrong-usage':
    case 'framing':
    case undefined:
      break;
  }
  proceed();
}
