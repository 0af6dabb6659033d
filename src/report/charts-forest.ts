import { at, plotArea, renderFrame } from './charts-frame.ts';
import { linearScale } from './charts-scale.ts';
import type { Scale } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';
import type { Tone } from './html-parts.ts';

/** One figure that was predicted and then measured. */
export interface ForestRow {
  readonly name: string;
  readonly predicted: string;
  readonly measured: string;
  /** Measured over predicted; null when there is none to draw, then `note` says why. */
  readonly ratio: number | null;
  readonly note: string;
  /** Ratios the prediction allows: its interval with its tolerance. */
  readonly allowed: readonly [number, number];
  readonly tone: Tone;
}

export interface ForestChart {
  readonly title: string;
  readonly summary: string;
  readonly rows: readonly ForestRow[];
}

const ROW_HEIGHT = 34;
const NAME_WIDTH = 232;
const VALUES_WIDTH = 226;
/** Ratios beyond these are drawn at the edge with an arrow: one outlier must not hide the rest. */
const EDGE = [0.4, 2.5] as const;
const TICKS = [0.5, 0.67, 1, 1.5, 2] as const;

/** Measured against predicted on a ratio axis: the band is what the prediction allows. */
export function forestChart({ title, summary, rows }: ForestChart): Markup {
  const width = 1000;
  const margin = { top: 32, right: VALUES_WIDTH, bottom: 40, left: NAME_WIDTH };
  const height = margin.top + margin.bottom + rows.length * ROW_HEIGHT;
  const area = plotArea({ width, height, margin });
  const log = linearScale([Math.log(EDGE[0]), Math.log(EDGE[1])], [area.left, area.right]);
  const x: Scale = (ratio) => log(Math.log(Math.min(EDGE[1], Math.max(EDGE[0], ratio))));
  const grid = TICKS.map(
    (tick) =>
      html`<line
        class="grid"
        x1="${at(x(tick))}"
        x2="${at(x(tick))}"
        y1="${area.top}"
        y2="${area.bottom}"
      />`,
  );
  const centre = at(x(1));
  const head = html`<text x="${area.right + 100}" y="${area.top - 12}" text-anchor="end"
      >predicted</text
    ><text x="${width - 8}" y="${area.top - 12}" text-anchor="end">measured</text
    ><text x="${centre}" y="${area.top - 12}" text-anchor="middle">as predicted</text> `;
  const lines = rows.map((row, index) => forestRow(row, index, x, area, width));
  return renderFrame(
    {
      title,
      summary,
      width,
      height,
      margin,
      x: {
        scale: x,
        ticks: TICKS,
        format: (ratio) => (ratio === 1 ? '0%' : percent(ratio)),
        label: 'measured against predicted',
      },
    },
    html`${grid}<line
        class="axis"
        x1="${centre}"
        x2="${centre}"
        y1="${area.top}"
        y2="${area.bottom}"
        stroke-width="2"
      />
      ${head}${lines}`,
  );
}

function forestRow(
  row: ForestRow,
  index: number,
  x: Scale,
  area: ReturnType<typeof plotArea>,
  width: number,
): Markup {
  const y = area.top + (index + 0.5) * ROW_HEIGHT;
  const [from, to] = [x(row.allowed[0]), x(row.allowed[1])];
  const { ratio } = row;
  const mark =
    ratio === null
      ? html`<text x="${at(x(1) + 10)}" y="${y}" dy="0.35em">${row.note}</text>`
      : measuredMark(x(ratio), y, ratio);
  return html`<g class="${row.tone}"
    ><title>${row.name}: predicted ${row.predicted}, measured ${row.measured}</title
    ><text class="strong" x="0" y="${y}" dy="0.35em">${row.name}</text
    ><rect
      class="soft"
      x="${at(from)}"
      y="${at(y - 9)}"
      width="${at(Math.max(2, to - from))}"
      height="18"
      rx="5"
    />${mark}<text x="${area.right + 100}" y="${y}" dy="0.35em" text-anchor="end"
      >${row.predicted}</text
    ><text class="strong" x="${width - 8}" y="${y}" dy="0.35em" text-anchor="end"
      >${row.measured}</text
    ></g
  > `;
}

function measuredMark(x: number, y: number, ratio: number): Markup {
  if (ratio > EDGE[1])
    return html`<path
      class="fill"
      d="M${at(x - 10)} ${y - 6}L${at(x)} ${y}L${at(x - 10)} ${y + 6}Z"
    />`;
  if (ratio < EDGE[0])
    return html`<path
      class="fill"
      d="M${at(x + 10)} ${y - 6}L${at(x)} ${y}L${at(x + 10)} ${y + 6}Z"
    />`;
  return html`<circle class="fill" cx="${at(x)}" cy="${y}" r="5.5" />`;
}

function percent(ratio: number): string {
  const change = Math.round((ratio - 1) * 100);
  return `${change > 0 ? '+' : '−'}${Math.abs(change)}%`;
}
