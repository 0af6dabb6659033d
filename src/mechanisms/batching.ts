import { Heap } from '../core/heap.ts';
import type { Random } from '../core/random.ts';
import { collector } from './batch-request.ts';
import type {
  BatchEvent,
  BatchRequest,
  BatchSink,
  BatchingCounters,
  Submission,
} from './batch-request.ts';
import { acceptedPerStep } from './speculation.ts';
import type { Speculation } from './speculation.ts';
import { KvBlocks } from './kv-blocks.ts';
import { Sequence } from './sequence.ts';
import type { StepShape, StepTimeMs } from './step-timing.ts';

export type {
  BatchEvent,
  BatchRequest,
  BatchSink,
  BatchingCounters,
  Submission,
} from './batch-request.ts';

export interface BatchingOptions {
  /** Sequences that may run at once (vLLM `max_num_seqs`). */
  readonly maxNumSeqs: number;
  /** Tokens one step may compute (vLLM `max_num_batched_tokens`); prompts are cut to it. */
  readonly maxNumBatchedTokens: number;
  readonly kvBlocks: number;
  /** Tokens per KV block; default 16. */
  readonly blockTokens?: number | undefined;
  /** Default true. */
  readonly prefixCache?: boolean | undefined;
  /** Requests that may wait; further ones are refused. Default: no bound. */
  readonly maxWaiting?: number | undefined;
  readonly stepTimeMs: StepTimeMs;
  readonly speculation?: Speculation | undefined;
  /** Draws the accepted draft tokens; without it their mean is spread evenly. */
  readonly random?: Random | undefined;
}

/**
 * Continuous batching as vLLM v1 schedules it, iteration by iteration: decoding first, then
 * prompts that are under way, then waiting requests in order of priority and arrival, while
 * sequences, tokens and KV blocks allow; when blocks run out the newest of the least urgent is
 * preempted and recomputed later. Event driven: `submit`, ask `nextEventMs`, `advance` to it.
 */
export class BatchingEngine<Request extends BatchRequest = BatchRequest> {
  readonly #options: BatchingOptions;
  readonly #kv: KvBlocks;
  readonly #waiting = new Heap<Sequence<Request>>();
  readonly #sequences = new Map<Request, Sequence<Request>>();
  /** In order of admission. */
  #running: Sequence<Request>[] = [];
  #waitingCount = 0;
  #submitted = 0;
  /** End of the step in progress. */
  #stepEndMs: number | undefined;
  /** When an idle engine starts its next step. */
  #wakeMs: number | undefined;
  /** Events of steps that ended before a later submission; the next `advance` delivers them. */
  #overdue: BatchEvent<Request>[] = [];
  readonly #shape: StepShape = {
    decodeSeqs: 0,
    decodeTokens: 0,
    prefillTokens: 0,
    prefillSeqs: 0,
    meanContext: 0,
    prefillContext: 0,
  };
  /** Tokens left to plan in the step that is being composed. */
  #budget = 0;
  #steps = 0;
  #preemptions = 0;
  #cachedTokens = 0;
  #computedTokens = 0;

  /** @throws RangeError when a bound is not a positive integer */
  constructor(options: BatchingOptions) {
    const { maxNumSeqs, maxNumBatchedTokens, kvBlocks, blockTokens = 16 } = options;
    if (!(maxNumSeqs >= 1) || !(maxNumBatchedTokens >= 1)) {
      throw new RangeError('BatchingEngine: maxNumSeqs and maxNumBatchedTokens must be 1 or more');
    }
    this.#options = options;
    const prefixCache = options.prefixCache ?? true;
    this.#kv = new KvBlocks({ blocks: kvBlocks, blockTokens, prefixCache });
  }

  /** A snapshot for metrics (vLLM's running, waiting, KV usage, prefix hits, preemptions). */
  counters(): BatchingCounters {
    return {
      running: this.#running.length,
      waiting: this.#waitingCount,
      kvUsage: this.#kv.used / this.#kv.blocks,
      steps: this.#steps,
      preemptions: this.#preemptions,
      evictions: this.#kv.evictions,
      cachedTokens: this.#cachedTokens,
      computedTokens: this.#computedTokens,
    };
  }

  /**
   * Queues a request. Several submissions at one instant share the next step. The same request
   * object must not be submitted twice while it is under way.
   */
  submit(nowMs: number, request: Request): Submission {
    if (this.#waitingCount >= (this.#options.maxWaiting ?? Number.POSITIVE_INFINITY)) {
      return 'queue-full';
    }
    const total = Math.max(1, request.promptTokens) + request.outputTokens;
    if (this.#kv.blocksFor(total) > this.#kv.blocks) return 'too-large';
    this.#catchUp(nowMs);
    const sequence = new Sequence(request, this.#submitted);
    this.#submitted += 1;
    this.#sequences.set(request, sequence);
    this.#enqueue(sequence);
    if (this.#stepEndMs === undefined) this.#wakeMs ??= nowMs;
    return 'queued';
  }

  /** When `advance` has something to do; undefined while idle. */
  nextEventMs(): number | undefined {
    return this.#overdue[0]?.atMs ?? this.#stepEndMs ?? this.#wakeMs;
  }

  /** Runs every step that begins or ends up to `nowMs` and returns what came out, in order. */
  advance(nowMs: number): BatchEvent<Request>[] {
    const events: BatchEvent<Request>[] = [];
    this.advanceInto(nowMs, collector(events));
    return events;
  }

  /** The same without allocating an event per token. */
  advanceInto(nowMs: number, sink: BatchSink<Request>): void {
    if (this.#overdue.length > 0) {
      const overdue = this.#overdue;
      this.#overdue = [];
      for (const event of overdue) {
        if (event.kind === 'token') sink.token(event.request, event.atMs, event.count);
        else sink.finish(event.request, event.atMs);
      }
    }
    for (;;) {
      const atMs = this.#stepEndMs ?? this.#wakeMs;
      if (atMs === undefined || atMs > nowMs) return;
      if (this.#stepEndMs !== undefined) this.#finishStep(atMs, sink);
      this.#startStep(atMs);
    }
  }

  /** Tokens of the prompt that came from the prefix cache; undefined before admission. */
  cachedPromptTokens(request: Request): number | undefined {
    return this.#sequences.get(request)?.cachedPrompt;
  }

  /** The client left: the request frees its place at once. False when it is not under way. */
  cancel(nowMs: number, request: Request): boolean {
    this.#catchUp(nowMs);
    const sequence = this.#sequences.get(request);
    if (sequence === undefined) return false;
    this.#sequences.delete(request);
    if (sequence.waiting) {
      sequence.cancelled = true;
      this.#waitingCount -= 1;
    } else {
      this.#running.splice(this.#running.indexOf(sequence), 1);
      sequence.releaseTo(this.#kv);
    }
    return true;
  }

  /** Steps that ended before `nowMs` must not see what arrives at `nowMs`. */
  #catchUp(nowMs: number): void {
    const sink = collector(this.#overdue);
    while (this.#stepEndMs !== undefined && this.#stepEndMs < nowMs) {
      const atMs = this.#stepEndMs;
      this.#finishStep(atMs, sink);
      this.#startStep(atMs);
    }
    if (this.#wakeMs !== undefined && this.#wakeMs < nowMs) {
      this.#startStep(this.#wakeMs);
      this.#catchUp(nowMs);
    }
  }

  #startStep(atMs: number): void {
    this.#stepEndMs = undefined;
    this.#wakeMs = undefined;
    this.#budget = this.#options.maxNumBatchedTokens;
    const preemptions = this.#preemptions;
    this.#planDecodes();
    this.#planPrefills();
    // vLLM admits nobody in a step that had to preempt.
    if (this.#preemptions === preemptions) this.#admit();
    if (this.#running.length === 0 && this.#waitingCount === 0) return;
    const durationMs = this.#options.stepTimeMs(this.#measure());
    if (!(durationMs >= 0)) throw new RangeError(`BatchingEngine: step time is ${durationMs}`);
    this.#steps += 1;
    this.#stepEndMs = atMs + durationMs;
  }

  /** Each sequence past its prompt computes one token, and its drafts if it speculates. */
  #planDecodes(): void {
    const drafts = this.#options.speculation?.draftTokens ?? 0;
    for (const sequence of this.#running) {
      if (this.#budget <= 0) return;
      if (!sequence.decoding || sequence.waiting) continue;
      this.#plan(sequence, Math.min(1 + drafts, sequence.missingOutput, this.#budget));
    }
  }

  #planPrefills(): void {
    for (const sequence of this.#running) {
      if (this.#budget <= 0) return;
      if (sequence.decoding || sequence.waiting) continue;
      this.#plan(sequence, Math.min(sequence.missingPrompt, this.#budget));
    }
  }

  /** Finds blocks for the tokens, by preemption if need be; the sequence itself may have to go. */
  #plan(sequence: Sequence<Request>, tokens: number): void {
    while (!sequence.growTo(this.#kv, sequence.computed + tokens)) {
      if (this.#preempt() === sequence) return;
    }
    sequence.planned = tokens;
    this.#budget -= tokens;
  }

  #admit(): void {
    while (this.#budget > 0 && this.#running.length < this.#options.maxNumSeqs) {
      const sequence = this.#waiting.peek();
      if (sequence === undefined) return;
      if (!sequence.cancelled) {
        const planned = sequence.startIn(this.#kv, this.#budget);
        if (planned === undefined) return;
        sequence.planned = planned;
        sequence.waiting = false;
        this.#waitingCount -= 1;
        this.#cachedTokens += sequence.computed;
        this.#running.push(sequence);
        this.#budget -= planned;
      }
      this.#waiting.pop();
    }
  }

  /** Sends the newest of the least urgent sequences back to the queue. */
  #preempt(): Sequence<Request> {
    let worst = this.#running.length - 1;
    for (let index = worst - 1; index >= 0; index -= 1) {
      if (this.#running[index]!.priority > this.#running[worst]!.priority) worst = index;
    }
    const victim = this.#running[worst]!;
    // A new array: the planning loops walk over the old one and skip who waits.
    this.#running = this.#running.filter((sequence) => sequence !== victim);
    this.#budget += victim.planned;
    victim.releaseTo(this.#kv);
    victim.restart();
    this.#enqueue(victim);
    this.#preemptions += 1;
    return victim;
  }

  #enqueue(sequence: Sequence<Request>): void {
    sequence.waiting = true;
    this.#waitingCount += 1;
    this.#waiting.push(sequence.queueKey, sequence);
  }

  #measure(): StepShape {
    const shape = this.#shape;
    let decodes = 0;
    let decodeTokens = 0;
    let context = 0;
    let prefills = 0;
    let prefillTokens = 0;
    let prefillContext = 0;
    for (const sequence of this.#running) {
      const { planned } = sequence;
      if (planned === 0) continue;
      if (sequence.decoding) {
        decodes += 1;
        decodeTokens += planned;
        context += sequence.computed;
      } else {
        prefills += 1;
        prefillTokens += planned;
        prefillContext += planned * (sequence.computed + planned / 2);
      }
    }
    shape.decodeSeqs = decodes;
    shape.decodeTokens = decodeTokens;
    shape.meanContext = decodes === 0 ? 0 : context / decodes;
    shape.prefillSeqs = prefills;
    shape.prefillTokens = prefillTokens;
    shape.prefillContext = prefillTokens === 0 ? 0 : prefillContext / prefillTokens;
    return shape;
  }

  #finishStep(atMs: number, sink: BatchSink<Request>): void {
    const running = this.#running;
    const { speculation, random } = this.#options;
    let kept = 0;
    for (const sequence of running) {
      const { planned } = sequence;
      sequence.planned = 0;
      if (planned > 0) {
        let produced = 0;
        if (sequence.decoding) {
          produced = planned === 1 ? 1 : acceptedPerStep(speculation!, planned, sequence, random);
          sequence.advance(this.#kv, produced);
        } else {
          sequence.advance(this.#kv, planned);
          this.#computedTokens += planned;
          if (sequence.decoding) produced = Math.min(1, sequence.missingOutput);
        }
        sequence.generated += produced;
        if (produced > 0) sink.token(sequence.request, atMs, produced);
        if (sequence.done) {
          sequence.releaseTo(this.#kv);
          this.#sequences.delete(sequence.request);
          sink.finish(sequence.request, atMs);
          continue;
        }
      }
      running[kept] = sequence;
      kept += 1;
    }
    running.length = kept;
  }
}
