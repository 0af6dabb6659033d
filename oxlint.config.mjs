import { defineConfig } from 'oxlint';

// Folders of src/, purest first: a folder imports only from folders before it.
const pure = ['core', 'mechanisms', 'workload', 'capacity'];
const documents = ['config', 'catalog', 'traces'];
const edges = [
  'http',
  'recorder',
  'provider',
  'gateway',
  'loadtest',
  'report',
  'artefacts',
  'tui',
  'cli',
];
const layers = [...pure, ...documents, ...edges];

// Packages that live in one folder only.
const home = {
  yaml: 'config',
  undici: 'http',
  'chart.js': 'report',
  '@napi-rs/canvas': 'report',
  ink: 'tui',
  react: 'tui',
  commander: 'cli',
  '@commander-js/*': 'cli',
  yalps: 'capacity',
  'gpt-tokenizer': 'traces',
  'gpt-tokenizer/*': 'traces',
  '@pydantic/genai-prices': 'catalog',
};

// Globals a pure file may not name, and members only system.ts may read.
const impure = ['process', 'performance', 'console', 'crypto', 'globalThis', 'Date', 'fetch'];
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
const ambient = [
  'Date.now',
  'performance.now',
  'process.env',
  'process.hrtime',
  'process.exit',
  'Math.random',
];

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'import', 'oxc', 'vitest', 'react', 'promise'],
  categories: { correctness: 'error' },
  ignorePatterns: ['dist', 'coverage'],
  rules: {
    'import/no-cycle': 'error',
    'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    'no-console': 'error',
    'typescript/explicit-module-boundary-types': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'unicorn/prefer-node-protocol': 'error',
    'vitest/expect-expect': [
      'error',
      { assertFunctionNames: ['expect', 'expect*', 'fc.assert', 'assert*'] },
    ],
  },
  overrides: [
    {
      files: ['src/**'],
      excludeFiles: ['src/system.ts'],
      rules: { 'no-restricted-properties': ['error', ...ambient.map(member)] },
    },
    {
      files: pure.map((folder) => `src/${folder}/**`),
      rules: { 'no-restricted-globals': ['error', ...impure, ...timers] },
    },
    ...layers.map(layer),
    { files: ['bin/**', 'src/cli/**', 'bench/**'], rules: { 'no-console': 'off' } },
    { files: ['test/**', 'bench/**'], rules: { 'max-lines': 'off' } },
  ],
});

function layer(folder, index) {
  const below = layers.slice(index + 1).map((name) => `**/${name}/**`);
  const foreign = Object.keys(home).filter((name) => home[name] !== folder);
  const patterns = [{ group: foreign, message: 'this package belongs to another folder' }];
  if (below.length > 0) {
    patterns.push({ group: below, message: 'imports go down the layers only' });
  }
  if (!edges.includes(folder)) {
    patterns.push({ group: ['**/system.ts'], message: 'only edges touch the system' });
  }
  if (pure.includes(folder)) {
    patterns.push({ group: ['node:*', 'node:*/*'], message: 'pure: pass it in' });
  }
  return {
    files: [`src/${folder}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  };
}

function member(name) {
  const [object, property] = name.split('.');
  return { object, property, message: 'take it as a parameter, or ask system.ts' };
}
