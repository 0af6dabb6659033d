import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import {
  opencodeTokens,
  opencodeUsage,
  opencodeVersion,
} from '../../src/traces/opencode-tokens.ts';

interface Row {
  readonly why: string;
  readonly version: string;
  readonly provider: string;
  readonly model?: string;
  readonly tokens: readonly [
    input: number,
    output: number,
    reasoning: number,
    read: number,
    write: number,
    total?: number,
  ];
  /** All input, uncached input, output with reasoning. */
  readonly expected: readonly [all: number, uncached: number, output: number];
}

const rows: readonly Row[] = [
  {
    why: 'parts are disjoint since 1.3.16: 127 + 7680 in, 96 + 103 out, as the total of 8006 says',
    version: '1.3.16',
    provider: 'deepseek',
    tokens: [127, 96, 103, 7680, 0, 8006],
    expected: [7807, 127, 199],
  },
  {
    why: 'the rule of 1.3.16 holds without a total',
    version: '2.0.12',
    provider: 'anthropic',
    tokens: [10, 60, 40, 500, 90],
    expected: [600, 10, 100],
  },
  {
    why: 'before, reasoning was inside the output',
    version: '1.3.15',
    provider: 'openai',
    tokens: [200, 62, 20, 800, 0],
    expected: [1000, 200, 62],
  },
  {
    why: 'the total tells of a session that a later version went on with: 200+42+20+800 = 1062',
    version: '1.3.15',
    provider: 'openai',
    tokens: [200, 42, 20, 800, 0, 1062],
    expected: [1000, 200, 62],
  },
  {
    why: 'the total tells of reasoning inside the output, whatever the version',
    version: 'local',
    provider: 'google',
    tokens: [26, 70, 50, 0, 0, 96],
    expected: [26, 26, 70],
  },
  {
    why: "Google's adapter counted thoughts apart before the SDK's version 6",
    version: '1.0.120',
    provider: 'google',
    tokens: [26, 1600, 1544, 0, 0],
    expected: [26, 26, 3144],
  },
  {
    why: 'more reasoning than output cannot be inside it',
    version: '1.0.120',
    provider: 'moonshotai',
    tokens: [22, 77, 78, 0, 0],
    expected: [22, 22, 155],
  },
  {
    why: 'before 1.0.62 the input of OpenAI held the cached tokens',
    version: '1.0.61',
    provider: 'openai',
    tokens: [1000, 40, 0, 800, 0],
    expected: [1000, 200, 40],
  },
  {
    why: 'from 1.0.62 on it does not',
    version: '1.0.62',
    provider: 'openai',
    tokens: [1000, 40, 0, 800, 0],
    expected: [1800, 1000, 40],
  },
  {
    why: 'before 1.0.62 Anthropic excluded them already',
    version: '0.15.3',
    provider: 'anthropic',
    tokens: [1000, 40, 0, 800, 100],
    expected: [1900, 1000, 40],
  },
  {
    why: '1.3.4 and 1.3.5 left reads and writes of Anthropic in the input',
    version: '1.3.5',
    provider: 'anthropic',
    tokens: [901, 40, 0, 800, 100, 1841],
    expected: [901, 1, 40],
  },
  {
    why: 'the same of Claude on Bedrock',
    version: '1.3.4',
    provider: 'amazon-bedrock',
    tokens: [901, 40, 0, 800, 100],
    expected: [901, 1, 40],
  },
  {
    why: "the same of Claude by opencode's own gateway",
    version: '1.3.4',
    provider: 'opencode',
    model: 'claude-sonnet-4-5',
    tokens: [901, 40, 0, 800, 100],
    expected: [901, 1, 40],
  },
  {
    why: 'a session begun with 1.3.5 that a later version went on with: 1 is too little to hold 900',
    version: '1.3.5',
    provider: 'anthropic',
    tokens: [1, 40, 0, 800, 100],
    expected: [901, 1, 40],
  },
  {
    why: '1.3.6 took them out again',
    version: '1.3.6',
    provider: 'anthropic',
    tokens: [901, 40, 0, 800, 100],
    expected: [1801, 901, 40],
  },
  {
    why: 'OpenAI was right in 1.3.5',
    version: '1.3.5',
    provider: 'openai',
    tokens: [901, 40, 0, 800, 0],
    expected: [1701, 901, 40],
  },
];

describe('usage of opencode', () => {
  test.for(rows)('$why', ({ version, provider, model, tokens, expected }) => {
    const [input, output, reasoning, read, write, total] = tokens;
    const counted = opencodeTokens({ input, output, reasoning, cache: { read, write }, total });
    const usage = opencodeUsage(counted!, { provider, model, version: opencodeVersion(version) });
    expect([inputTokens(usage), usage.uncached, usage.output]).toEqual(expected);
    expect(usage.reasoning).toBe(reasoning);
    expect(usage.cacheWrite5m).toBe(write);
  });

  test('zeros are no usage', () => {
    expect(opencodeTokens({ input: 0, output: 0, reasoning: 0, cache: { read: 0 } })).toBe(
      undefined,
    );
    expect(opencodeTokens(undefined)).toBe(undefined);
    expect(opencodeTokens({ input: 0, output: 0, reasoning: 30 })).toBe(undefined);
    expect(opencodeTokens({ input: '7', output: -5 })).toMatchObject({ input: 7, output: 0 });
  });

  test.for([
    ['1.3.16', [1, 3, 16]],
    ['v1.0.2', [1, 0, 2]],
    ['local', undefined],
    ['0.0.0-dev-202603010000', undefined],
    [7, undefined],
  ] as const)('version %s', ([text, expected]) => {
    expect(opencodeVersion(text)).toEqual(expected);
  });
});
