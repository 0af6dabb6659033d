/**
 * How many tokens another tokenizer makes of the same text. Only published factors are used; where
 * none is, the plan says so instead of guessing.
 */
interface TokenizerFamily {
  readonly name: string;
  /** Model ids, without the maker's prefix. */
  readonly models: RegExp;
}

const FAMILIES: readonly TokenizerFamily[] = [
  {
    name: 'Claude 4.7 and later',
    models:
      /^claude-(?:opus-4-[78]|(?:opus|sonnet|haiku|fable|mythos)-5(?:-\d{1,2})?)(?:$|-20\d{6})/,
  },
  {
    name: 'Claude before 4.7',
    models: /^claude-(?:3|(?:opus|sonnet|haiku)-(?:3|4)(?:-[0-6])?(?:$|-20\d{6}))/,
  },
  { name: 'o200k', models: /^(?:gpt-4o|gpt-4\.1|gpt-5|gpt-oss|o[134](?:$|-))/ },
];

interface PublishedFactor {
  readonly from: string;
  readonly to: string;
  readonly factor: number;
  readonly source: string;
}

const PUBLISHED: readonly PublishedFactor[] = [
  {
    from: 'Claude before 4.7',
    to: 'Claude 4.7 and later',
    factor: 1.3,
    source: 'platform.claude.com, Haiku 5.5 overview, 2026-10: about 30 % more tokens',
  },
];

/** Share of the measured calls that must be of one family before it speaks for the workload. */
const CLEAR_SHARE = 0.95;

export type TokenizerAnswer =
  | { readonly kind: 'same' }
  | { readonly kind: 'factor'; readonly factor: number; readonly why: string }
  /** Both tokenizers are known and nobody published how they compare. */
  | { readonly kind: 'unpublished'; readonly from: string; readonly to: string }
  | { readonly kind: 'unknown' };

/**
 * The factor from the tokenizer that a workload was measured with to a model's.
 * @param measured models of the trace with their calls
 */
export function tokenizerFactor(
  measured: readonly { readonly model: string; readonly calls: number }[],
  model: string,
): TokenizerAnswer {
  const to = familyOf(model);
  const calls = measured.reduce((sum, one) => sum + one.calls, 0);
  const from = FAMILIES.find(({ name }) => {
    const own = measured.filter((one) => familyOf(one.model) === name);
    return calls > 0 && own.reduce((sum, one) => sum + one.calls, 0) >= CLEAR_SHARE * calls;
  })?.name;
  if (from === undefined || to === undefined) return { kind: 'unknown' };
  if (from === to) return { kind: 'same' };
  const forth = PUBLISHED.find((one) => one.from === from && one.to === to);
  if (forth !== undefined) return { kind: 'factor', factor: forth.factor, why: forth.source };
  const back = PUBLISHED.find((one) => one.from === to && one.to === from);
  if (back !== undefined) return { kind: 'factor', factor: 1 / back.factor, why: back.source };
  return { kind: 'unpublished', from, to };
}

function familyOf(model: string): string | undefined {
  const id = model.slice(model.lastIndexOf('/') + 1).replace(/^(?:[a-z]+\.)*anthropic\./, '');
  return FAMILIES.find(({ models }) => models.test(id))?.name;
}
