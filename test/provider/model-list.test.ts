import { expect, test } from 'vitest';

import { modelList } from '../../src/provider/model-list.ts';
import { config } from './virtual-provider.ts';

const served = config(
  { id: 'a' },
  {
    models: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id })),
    embeddings: [{ id: 'x' }],
  },
);

test.for([
  { why: 'everything fits one page', query: '', ids: 'abcde', more: false },
  { why: 'the first page', query: 'limit=2', ids: 'ab', more: true },
  { why: 'a page in the middle', query: 'limit=2&after_id=b', ids: 'cd', more: true },
  { why: 'the last page', query: 'limit=2&after_id=d', ids: 'e', more: false },
  { why: 'a page backwards', query: 'limit=2&before_id=d', ids: 'bc', more: true },
  { why: 'the first page backwards', query: 'limit=2&before_id=c', ids: 'ab', more: false },
  {
    why: 'an unknown id begins at the start',
    query: 'limit=1&after_id=nobody',
    ids: 'a',
    more: true,
  },
])('pages of Anthropic: $why', ({ query, ids, more }) => {
  expect(modelList(served, 'anthropic', new URLSearchParams(query))).toMatchObject({
    data: ids.split('').map((id) => ({ id })),
    has_more: more,
    first_id: ids[0],
    last_id: ids.at(-1),
  });
});

test('OpenAI’s list is whole, with the embedding models', () => {
  const list = modelList(served, 'openai', new URLSearchParams('limit=1'));
  expect(list).toMatchObject({
    object: 'list',
    data: ['a', 'b', 'c', 'd', 'e', 'x'].map((id) => ({ id })),
  });
});
