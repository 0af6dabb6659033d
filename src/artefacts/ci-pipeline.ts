/** Pipelines that hold a pull request against a plan and a load test. */

export const CI_SYSTEMS = ['github', 'gitlab'] as const;
export type CiSystem = (typeof CI_SYSTEMS)[number];

/** Where a system looks for its pipeline, from the repository's root. */
export const CI_FILES = {
  github: '.github/workflows/capacity.yml',
  gitlab: '.gitlab-ci.yml',
} as const satisfies Record<CiSystem, string>;

/** For a repository that has a GitLab pipeline: to be included by it. */
export const GITLAB_INCLUDE = '.gitlab/capacity.gitlab-ci.yml';

/**
 * The pipeline of a CI system. It runs the agent-infra that the repository's lockfile pins, and
 * nothing that is fetched by name alone.
 * @param folder of the documents, relative to the repository's root; empty for the root itself
 */
export function ciPipeline(system: CiSystem, folder: string): string {
  const file = (name: string): string => quoted(folder === '' ? name : `${folder}/${name}`);
  const steps = {
    doctor: `npx --no agent-infra doctor ${folder === '' ? '.' : quoted(folder)}`,
    plan: `npx --no agent-infra plan check ${file('plan.yaml')}`,
    loadtest: `npx --no agent-infra loadtest ${file('scenario.yaml')} --junit results.xml -o capacity-run`,
  };
  return PIPELINES[system](steps);
}

interface Steps {
  readonly doctor: string;
  readonly plan: string;
  readonly loadtest: string;
}

const NEEDS = `# Needs agent-infra among the devDependencies of the repository's package.json.
# Exit codes: 99 a goal or threshold is missed, 2 a document is wrong, 3 the target is down.`;

const PIPELINES = {
  github: ({ doctor, loadtest, plan }) => `${NEEDS}
name: capacity
on: pull_request
permissions:
  contents: read
jobs:
  capacity:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: 22 }
      - run: npm ci
      - name: are the documents right, and is this runner fit?
        run: |
          ${doctor}
      - name: does the plan still fit, below its cost ceilings?
        run: |
          ${plan}
      - name: does the gateway still hold its thresholds?
        run: |
          ${loadtest}
      - uses: actions/upload-artifact@v4
        if: always()
        with: { name: capacity, path: capacity-run/, if-no-files-found: ignore }
`,
  gitlab: ({ doctor, loadtest, plan }) => `${NEEDS}
capacity:
  image: node:22
  timeout: 15 minutes
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - npm ci
    - |
      ${doctor}
    - |
      ${plan}
    - |
      ${loadtest}
  artifacts:
    when: always
    paths: [capacity-run/]
    reports: { junit: results.xml }
`,
} as const satisfies Record<CiSystem, (steps: Steps) => string>;

/** A path as one word of a POSIX shell. */
export function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
