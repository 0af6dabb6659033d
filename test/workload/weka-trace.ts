import { readFileSync } from 'node:fs';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { LlmCall, Session, Turn } from '../../src/core/trace.ts';

interface WekaTrace {
  readonly id: string;
  readonly block_size: number;
  readonly requests: readonly WekaRequest[];
}

interface WekaRequest {
  readonly t: number;
  readonly type: 'n' | 's' | 'subagent';
  readonly model: string;
  readonly in: number;
  readonly out: number;
  readonly hash_ids: readonly number[];
  readonly input_types: readonly string[];
  readonly api_time?: number;
  readonly ttft?: number;
}

/** Top-level calls of one kv-cache-tester trace, turns cut at user text: the scope of the expected figures. */
function wekaSession(text: string): Session {
  const { id, block_size: blockTokens, requests } = JSON.parse(text) as WekaTrace;
  const turns: { startMs: number; steps: LlmCall[] }[] = [];
  for (const [index, request] of requests.filter(({ type }) => type !== 'subagent').entries()) {
    const startMs = request.t * 1000;
    const opensTurn =
      request.input_types.includes('text') && !request.input_types.includes('tool_result');
    if (index === 0 || opensTurn) turns.push({ startMs, steps: [] });
    turns.at(-1)!.steps.push({
      kind: 'llm',
      id: String(index),
      after: [],
      startMs,
      endMs: request.api_time === undefined ? undefined : startMs + request.api_time * 1000,
      ttftMs: request.ttft === undefined ? undefined : request.ttft * 1000,
      model: request.model,
      tokens: { ...NO_TOKENS, uncached: request.in, output: request.out },
      tokensBasis: 'reported',
      attempts: [{ startMs }],
      prefix: { blockTokens, ids: request.hash_ids },
    });
  }
  return { id, turns: turns satisfies Turn[], relativeTime: true };
}

export function wekaFile(path: string): Session {
  return wekaSession(readFileSync(path, 'utf8'));
}
