import { Box, Text } from 'ink';
import type { ReactElement, ReactNode } from 'react';

import { NARROW_COLUMNS } from './load-view.ts';
import type { LoadView, Row, ThresholdRow, TimeRow, Tone } from './load-view.ts';

export interface LoadDashboardProps {
  readonly view: LoadView;
  readonly columns: number;
  readonly colour: boolean;
}

const TONES = { good: 'green', warn: 'yellow', bad: 'red', plain: undefined } as const;

/** The dashboard of a load test. Two columns of facts on a wide terminal, one on a narrow one. */
export function LoadDashboard({ columns, colour, view }: LoadDashboardProps): ReactElement {
  const wide = columns > NARROW_COLUMNS;
  const { gap } = view;
  const tint = (tone: Tone): { color?: string } => {
    const color = colour ? TONES[tone] : undefined;
    return color === undefined ? {} : { color };
  };
  return (
    <Box flexDirection="column" width={columns}>
      <Box justifyContent="space-between">
        <Box flexShrink={0}>
          <Text bold>{view.title} </Text>
        </Box>
        <Text dimColor={colour} wrap="truncate">
          {view.elapsed} · {view.note}
        </Text>
      </Box>
      <Box justifyContent="space-between">
        <Text {...tint('good')}>{view.progressBar}</Text>
        <Text>{view.progressText}</Text>
      </Box>
      <Box marginTop={gap} flexDirection={wide ? 'row' : 'column'}>
        <Box flexWrap="wrap" flexDirection={wide ? 'column' : 'row'} width={wide ? 34 : 60}>
          {view.counts.map((row) => (
            <Box key={row.label} marginRight={wide ? 0 : 4}>
              <Fact row={row} tint={tint} width={wide ? 30 : 26} />
            </Box>
          ))}
        </Box>
        <Box flexDirection="column" marginTop={wide ? 0 : gap}>
          <Times rows={view.times} dim={colour} />
        </Box>
      </Box>
      {view.sparks.length > 0 && (
        <Section gap={gap}>
          {view.sparks.map((spark, index) => (
            <Box
              key={spark.label}
              flexDirection="column"
              marginTop={index > 0 && spark.lines.length > 1 ? 1 : 0}
            >
              <Spark spark={spark} tint={tint} dim={colour} />
            </Box>
          ))}
        </Section>
      )}
      {view.thresholds.length > 0 && (
        <Section gap={gap}>
          <Thresholds rows={view.thresholds} tint={tint} />
        </Section>
      )}
      {view.errors.length > 0 && (
        <Section gap={gap}>
          {view.errors.map((row) => (
            <Fact key={row.label} row={row} tint={tint} width={58} />
          ))}
        </Section>
      )}
      <Section gap={gap}>
        <Text {...tint(view.healthTone)} wrap="truncate">
          this client: {view.health}
        </Text>
      </Section>
    </Box>
  );
}

type Tint = (tone: Tone) => { color?: string };

function Section(props: { readonly gap: 0 | 1; readonly children: ReactNode }): ReactElement {
  const { children, gap } = props;
  return (
    <Box flexDirection="column" marginTop={gap}>
      {children}
    </Box>
  );
}

function Fact(props: {
  readonly row: Row;
  readonly tint: Tint;
  readonly width: number;
}): ReactElement {
  const { row, tint, width } = props;
  return (
    <Box width={width} justifyContent="space-between">
      <Text>{row.label}</Text>
      <Text {...tint(row.tone)}>{row.value}</Text>
    </Box>
  );
}

function Times({
  dim,
  rows,
}: {
  readonly rows: readonly TimeRow[];
  readonly dim: boolean;
}): ReactElement {
  const cells = (row: Omit<TimeRow, 'key'>): string =>
    `${row.label.padEnd(12)}${row.from.padEnd(15)}${row.p50.padStart(10)}${row.p95.padStart(10)}${row.p99.padStart(10)}`;
  const head = { label: '', from: '', p50: 'p50', p95: 'p95', p99: 'p99' };
  return (
    <>
      <Text dimColor={dim}>{cells(head)}</Text>
      {rows.map((row) => (
        <Text key={row.key}>{cells(row)}</Text>
      ))}
      {rows.length === 0 && <Text dimColor={dim}>no answer yet</Text>}
    </>
  );
}

/** The peak stands beside the top of a chart, the latest figure beside its foot. */
function Spark({
  dim,
  spark,
  tint,
}: {
  readonly spark: LoadView['sparks'][number];
  readonly tint: Tint;
  readonly dim: boolean;
}): ReactElement {
  const last = spark.lines.length - 1;
  return (
    <>
      {spark.lines.map((line, index) => (
        <Box key={index}>
          <Text>{(index === last ? spark.label : '').padEnd(18)}</Text>
          <Text {...tint(spark.tone)}>{line}</Text>
          {index === last ? (
            <Text> {spark.now}</Text>
          ) : (
            index === 0 && <Text dimColor={dim}> {spark.peak}</Text>
          )}
        </Box>
      ))}
    </>
  );
}

const MARKS = { kept: '✓', broken: '✗', 'not yet': '·', 'no data': '·', more: ' ' } as const;
const MARK_TONES = {
  kept: 'good',
  broken: 'bad',
  'not yet': 'plain',
  'no data': 'plain',
  more: 'plain',
} as const;
const STATES = {
  kept: 'kept so far',
  broken: 'broken so far',
  'not yet': 'not yet',
  'no data': 'no data yet',
  more: '',
} as const;

function Thresholds(props: {
  readonly rows: readonly ThresholdRow[];
  readonly tint: Tint;
}): ReactElement {
  const width = (read: (row: ThresholdRow) => string): number =>
    Math.max(...props.rows.map((row) => (row.state === 'more' ? 0 : read(row).length)));
  const texts = width(({ text }) => text);
  const figures = width(({ observed }) => observed);
  return (
    <>
      {props.rows.map(({ observed, state, text }, index) => (
        <Text key={`${index}/${text}`} wrap="truncate">
          <Text {...props.tint(MARK_TONES[state])}>{MARKS[state]}</Text> {text.padEnd(texts)}
          {'  '}
          {observed.padStart(figures)}
          {'  '}
          <Text {...props.tint(MARK_TONES[state])}>{STATES[state]}</Text>
        </Text>
      ))}
    </>
  );
}
