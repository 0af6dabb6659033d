import type { Finding } from '../../report/doctor.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What terminal, environment variables and proxies mean for a run. Values are never told. */
export function surroundingFindings(env: Environment, streams: Streams): Finding[] {
  return [judgeTerminal(env, streams), judgeVariables(env), judgeProxies(env)];
}

export interface Streams {
  readonly stdoutIsTerminal: boolean;
  readonly columns: number | undefined;
  readonly isInteractive: boolean;
  readonly coloured: boolean;
}

const around = (finding: Omit<Finding, 'group'>): Finding => ({ group: 'terminal', ...finding });

/** Variables by which CI systems make themselves known, from their own documentation. */
const CI_VARIABLES = ['GITHUB_ACTIONS', 'GITLAB_CI', 'BUILDKITE', 'JENKINS_URL', 'TF_BUILD'];

/** Below this the dashboard and tables are cut into groups. */
const NARROW_COLUMNS = 80;

export function judgeTerminal(env: Environment, streams: Streams): Finding {
  const ci = CI_VARIABLES.find((name) => given(env[name]));
  const isCi = ci !== undefined || (given(env['CI']) && env['CI'] !== 'false');
  const where = streams.stdoutIsTerminal
    ? `a terminal${streams.columns === undefined ? '' : ` of ${streams.columns} columns`}`
    : 'no terminal';
  const found = [
    isCi ? `CI (${ci ?? 'CI'})` : where,
    streams.coloured ? 'colours' : `no colours${whyNoColour(env)}`,
    streams.isInteractive ? 'dashboard' : 'a progress line every 10 s instead of the dashboard',
  ].join(', ');
  const locale = given(env['LC_ALL'])
    ? env['LC_ALL']
    : given(env['LC_CTYPE'])
      ? env['LC_CTYPE']
      : env['LANG'];
  // Nothing said is UTF-8 on today's systems more often than not.
  if (streams.stdoutIsTerminal && given(locale) && !/utf-?8/i.test(locale!)) {
    return around({
      id: 'terminal',
      level: 'warn',
      found: `${found}; the locale is not UTF-8`,
      affects: 'bars and signs of the reports may come out garbled',
      mend: 'export LANG=C.UTF-8',
    });
  }
  if (streams.isInteractive && (streams.columns ?? NARROW_COLUMNS) < NARROW_COLUMNS) {
    return around({
      id: 'terminal',
      level: 'note',
      found,
      affects: 'tables are cut into groups of columns',
      mend: `Make the window ${NARROW_COLUMNS} columns wide, or write reports with -o.`,
    });
  }
  return around({ id: 'terminal', level: 'ok', found, affects: null, mend: null });
}

function whyNoColour(env: Environment): string {
  if (given(env['NO_COLOR'])) return ' (NO_COLOR)';
  return env['TERM'] === 'dumb' ? ' (TERM=dumb)' : '';
}

/** Variables that change where calls go or what they are signed with. */
const VARIABLES = [
  'OPENAI_BASE_URL',
  'OPENAI_API_BASE',
  'OPENAI_API_KEY',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'AZURE_OPENAI_ENDPOINT',
  'AZURE_OPENAI_API_KEY',
  'GEMINI_API_KEY',
  'GOOGLE_API_KEY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'K6_BIN',
  'SOURCE_DATE_EPOCH',
];

export function judgeVariables(env: Environment): Finding {
  const set = VARIABLES.filter((name) => given(env[name]));
  const broken = set.filter((name) => /(?:URL|BASE|ENDPOINT)$/.test(name) && !isUrl(env[name]!));
  if (broken.length > 0) {
    return around({
      id: 'variables',
      level: 'warn',
      found: `${broken.join(', ')}: not an http(s) URL`,
      affects: 'profile record and the agents that you start send their calls there',
      mend: 'Write the whole address, such as https://api.openai.com/v1, or unset it.',
    });
  }
  const bases = set.filter((name) => /(?:_BASE_URL|_API_BASE)$/.test(name));
  return around({
    id: 'variables',
    level: 'ok',
    found: set.length === 0 ? 'no base URL or API key is set' : `set: ${set.join(', ')}`,
    affects: bases.length === 0 ? null : `profile record passes calls on to ${bases.join(', ')}`,
    mend: null,
  });
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

const PROXIES = [
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'ALL_PROXY',
  'all_proxy',
];

export function judgeProxies(env: Environment): Finding {
  const set = PROXIES.filter((name) => given(env[name]));
  if (set.length === 0) {
    return around({ id: 'proxies', level: 'ok', found: 'none', affects: null, mend: null });
  }
  const exempt = ['NO_PROXY', 'no_proxy'].some((name) =>
    (env[name] ?? '')
      .split(',')
      .some((host) => ['*', '127.0.0.1', '127.0.0.0/8', 'localhost'].includes(host.trim())),
  );
  if (exempt) {
    const found = `${set.join(', ')}; NO_PROXY exempts loopback`;
    return around({ id: 'proxies', level: 'ok', found, affects: null, mend: null });
  }
  return around({
    id: 'proxies',
    level: 'warn',
    found: `${set.join(', ')}, and NO_PROXY does not exempt loopback`,
    affects:
      'agents that you point at the gateway or provider on 127.0.0.1 would send their calls to the proxy (profile record exempts itself; the built-in load generator uses no proxy)',
    mend: 'export NO_PROXY=127.0.0.1,localhost',
  });
}

function given(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
