import { at, plotArea, renderFrame } from './charts-frame.ts';
import { linearScale, logScale, logTicks, niceTicks, thin } from './charts-scale.ts';
import type { Point, Scale } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';

export type SeriesColour = 's1' | 's2' | 's3' | 's4' | 's5';

export interface Series {
  readonly name: string;
  readonly colour: SeriesColour;
  readonly points: readonly Point[];
  /** A line (default), a line over a soft area, or a dashed line. */
  readonly style?: 'line' | 'area' | 'dashed' | undefined;
  /** Steps hold their value until the next point: counts per window. */
  readonly isStepped?: boolean | undefined;
}

export interface LimitLine {
  readonly name: string;
  readonly value: number;
}

export interface LineChart {
  readonly title: string;
  readonly summary: string;
  readonly series: readonly Series[];
  readonly limits?: readonly LimitLine[] | undefined;
  /** x ranges to shade, such as the warm-up. */
  readonly shades?: readonly {
    readonly from: number;
    readonly to: number;
    readonly name: string;
  }[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xFormat: (value: number) => string;
  readonly yFormat: (value: number) => string;
  /** Default: the extent of the points. */
  readonly xDomain?: readonly [number, number] | undefined;
  readonly xTicks?: readonly number[] | undefined;
  readonly yKind?: 'linear' | 'log' | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** A series longer than this is thinned, peaks kept: the page stays small. */
const MOST_CELLS = 250;
/** Space above the highest value. */
const HEAD_ROOM = 1.06;
/** A limit farther away than this many times the data is named, not drawn: it would flatten it. */
const FARTHEST_LIMIT = 3;

/** Lines over a common x, with limits. */
export function lineChart(chart: LineChart): Markup {
  const { width = 1000, height = 260, series, shades = [] } = chart;
  const margin = { top: 30, right: 16, bottom: 42, left: 54 };
  const area = plotArea({ width, height, margin });
  const all = series.flatMap(({ points }) => points);
  const limits = (chart.limits ?? []).filter(({ value }) => value <= FARTHEST_LIMIT * highest(all));
  const top = Math.max(highest(all), ...limits.map(({ value }) => value)) * HEAD_ROOM;
  const domain = chart.xDomain ?? extent(all.map((point) => point.x));
  const x = linearScale(domain, [area.left, area.right]);
  const y = yScale(chart, all, top, [area.bottom, area.top]);
  const frame = {
    title: chart.title,
    summary: chart.summary,
    width,
    height,
    margin,
    x: {
      scale: x,
      ticks: inside(chart.xTicks ?? niceTicks(...domain, 8), x, area),
      format: chart.xFormat,
      label: chart.xLabel,
    },
    y: { scale: y.scale, ticks: y.ticks, format: chart.yFormat, label: chart.yLabel },
  };
  const marks = [
    ...shades.map(({ from, to, name }) => shade(x(from), x(to), name, area)),
    ...series.map((one) => path(one, x, y.scale, area.bottom)),
    ...limits.map((limit) => limitLine(limit, y.scale(limit.value), area)),
  ];
  return renderFrame(frame, marks);
}

function yScale(
  chart: LineChart,
  points: readonly Point[],
  top: number,
  range: readonly [number, number],
): { scale: Scale; ticks: readonly number[] } {
  if (chart.yKind !== 'log') {
    const ticks = niceTicks(0, top, 4);
    return { scale: linearScale([0, ticks.at(-1) ?? 1], range), ticks };
  }
  const positive = points.map(({ y }) => y).filter((value) => value > 0);
  const low = Math.min(...positive, top) * 0.9;
  return { scale: logScale([low, top], range), ticks: logTicks(low, top) };
}

function path(series: Series, x: Scale, y: Scale, bottom: number): Markup {
  const points = thin(series.points, MOST_CELLS);
  if (points.length === 0) return html``;
  const steps = points.map((point, index) => {
    const move = index === 0 ? 'M' : series.isStepped === true ? `H${at(x(point.x))}V` : 'L';
    return move.endsWith('V')
      ? `${move}${at(y(point.y))}`
      : `${move}${at(x(point.x))} ${at(y(point.y))}`;
  });
  const line = steps.join('');
  const dash = series.style === 'dashed' ? html` stroke-dasharray="6 5"` : '';
  const fill =
    series.style === 'area'
      ? html`<path
          class="soft"
          d="${line}L${at(x(points.at(-1)!.x))} ${at(bottom)}L${at(x(points[0]!.x))} ${at(bottom)}Z"
        />`
      : '';
  return html`<g class="${series.colour}"
    >${fill}<path class="stroke" d="${line}" ${dash}><title>${series.name}</title></path></g
  > `;
}

type Area = ReturnType<typeof plotArea>;

function limitLine({ name }: LimitLine, y: number, area: Area): Markup {
  const position = at(y);
  return html`<g
    ><line
      class="limit"
      x1="${area.left}"
      x2="${area.right}"
      y1="${position}"
      y2="${position}"
    /><text class="limit-name" x="${area.right}" y="${at(y - 6)}" text-anchor="end"
      >${name}</text
    ></g
  > `;
}

function shade(from: number, to: number, name: string, area: Area): Markup {
  return html`<g
    ><rect
      class="shade"
      x="${at(from)}"
      y="${area.top}"
      width="${at(Math.max(0, to - from))}"
      height="${area.bottom - area.top}"
    /><text x="${at(from + 6)}" y="${area.top + 14}">${name}</text></g
  > `;
}

function inside(ticks: readonly number[], scale: Scale, area: Area): readonly number[] {
  return ticks.filter((tick) => scale(tick) >= area.left - 1 && scale(tick) <= area.right + 1);
}

function highest(points: readonly Point[]): number {
  let most = 0;
  for (const { y } of points) most = Math.max(most, y);
  return most;
}

function extent(values: readonly number[]): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** The key under a chart's title: a short stroke of each series as drawn, and its name. */
export function legend(
  series: readonly Pick<Series, 'name' | 'colour' | 'style'>[],
  limits: readonly string[] = [],
): Markup {
  const items = series.map(
    ({ name, colour, style }) =>
      html`<li class="${colour}">
        <svg width="22" height="8" aria-hidden="true">
          <path
            class="stroke"
            d="M1 4H21"
            ${style === 'dashed' ? html` stroke-dasharray="6 5"` : ''}
          /></svg
        >${name}
      </li> `,
  );
  const lines = limits.map(
    (name) =>
      html`<li>
        <svg width="22" height="8" aria-hidden="true"><path class="limit" d="M1 4H21" /></svg
        >${name}
      </li> `,
  );
  return html`<ul class="legend">
    ${items}${lines}
  </ul> `;
}
