import { at, plotArea, renderFrame } from './charts-frame.ts';
import { linearScale, niceTicks } from './charts-scale.ts';
import type { Scale } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';
import type { SeriesColour } from './charts-line.ts';

/** A span of time on a lane. */
export interface LaneBar {
  readonly from: number;
  readonly to: number;
  readonly colour: SeriesColour | 'bad';
  /** Until here the bar is drawn lighter: waiting, not yet answering. */
  readonly softUntil?: number | undefined;
  /** Shown on hover. */
  readonly name: string;
}

interface Lane {
  readonly name: string;
  readonly bars: readonly LaneBar[];
}

export interface LaneChart {
  readonly title: string;
  readonly summary: string;
  readonly lanes: readonly Lane[];
  readonly xFormat: (value: number) => string;
  readonly xLabel: string;
}

const BAR_HEIGHT = 11;
const BAR_GAP = 3;
const LANE_GAP = 12;

/** Swim lanes: what each session did when; bars of a lane that overlap are stacked. */
export function laneChart({ title, summary, lanes, xFormat, xLabel }: LaneChart): Markup {
  const width = 1000;
  const margin = { top: 8, right: 16, bottom: 42, left: 110 };
  const stacked = lanes.map((lane) => ({ ...lane, rows: stack(lane.bars) }));
  const heights = stacked.map(({ rows }) => Math.max(1, rows.length) * (BAR_HEIGHT + BAR_GAP));
  const height =
    margin.top + margin.bottom + heights.reduce((sum, each) => sum + each + LANE_GAP, 0);
  const area = plotArea({ width, height, margin });
  const end = Math.max(1, ...lanes.flatMap(({ bars }) => bars.map(({ to }) => to)));
  const x = linearScale([0, end], [area.left, area.right]);
  const ticks = niceTicks(0, end, 8).filter((tick) => tick <= end);
  const marks: Markup[] = ticks.map(
    (tick) =>
      html`<line
        class="grid"
        x1="${at(x(tick))}"
        x2="${at(x(tick))}"
        y1="${area.top}"
        y2="${area.bottom}"
      /> `,
  );
  let y = margin.top + LANE_GAP / 2;
  for (const [index, { name, rows }] of stacked.entries()) {
    const laneHeight = heights[index]!;
    marks.push(
      html`<text
        class="strong"
        x="${area.left - 12}"
        y="${at(y + laneHeight / 2)}"
        dy="0.3em"
        text-anchor="end"
        >${name}</text
      > `,
    );
    for (const [row, bars] of rows.entries()) {
      const top = y + row * (BAR_HEIGHT + BAR_GAP);
      for (const bar of bars) marks.push(laneBar(bar, x, top));
    }
    y += laneHeight + LANE_GAP;
  }
  const frame = { title, summary, width, height, margin };
  return renderFrame({ ...frame, x: { scale: x, ticks, format: xFormat, label: xLabel } }, marks);
}

function laneBar(bar: LaneBar, x: Scale, top: number): Markup {
  const [from, to] = [x(bar.from), x(bar.to)];
  const width = Math.max(1.5, to - from);
  const solid = bar.softUntil === undefined ? from : Math.min(to, x(bar.softUntil));
  const wait =
    solid > from
      ? html`<rect
          class="soft"
          x="${at(from)}"
          y="${at(top)}"
          width="${at(width)}"
          height="${BAR_HEIGHT}"
          rx="2"
        />`
      : '';
  return html`<g class="${bar.colour}"
    >${wait}<rect
      class="fill"
      x="${at(solid)}"
      y="${at(top)}"
      width="${at(Math.max(1.5, to - solid))}"
      height="${BAR_HEIGHT}"
      rx="2"
    /><title>${bar.name}</title></g
  > `;
}

/** First fit: each bar goes to the first row that is free when it starts. */
function stack(bars: readonly LaneBar[]): LaneBar[][] {
  const rows: LaneBar[][] = [];
  for (const bar of bars.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    const row = rows.find((each) => each.at(-1)!.to <= bar.from);
    if (row === undefined) rows.push([bar]);
    else row.push(bar);
  }
  return rows;
}
