import { html } from './html.ts';
import type { Interpolated, Markup } from './html.ts';
import type { Scale } from './charts-scale.ts';

/** Axes and description around the marks of a chart. Sizes in user units of the view box. */
export interface Frame {
  /** Read aloud and shown on hover: what the chart is. */
  readonly title: string;
  /** What it shows, in a sentence with numbers. */
  readonly summary: string;
  readonly width: number;
  readonly height: number;
  readonly margin: Margin;
  readonly x?: Axis | undefined;
  readonly y?: Axis | undefined;
}

interface Margin {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

interface Axis {
  readonly scale: Scale;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  readonly label?: string | undefined;
}

/** The plot's inner rectangle. */
export function plotArea({ width, height, margin }: Pick<Frame, 'width' | 'height' | 'margin'>): {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
} {
  return {
    left: margin.left,
    right: width - margin.right,
    top: margin.top,
    bottom: height - margin.bottom,
  };
}

/** The chart as one SVG element with role, title and description. */
export function renderFrame(frame: Frame, marks: Interpolated): Markup {
  const { width, height, title, summary } = frame;
  const kind = width > 700 ? 'chart wide' : 'chart';
  return html`<svg
    class="${kind}"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-label="${title}. ${summary}"
    xmlns="http://www.w3.org/2000/svg"
  >
    <title>${title}</title>
    <desc>${summary}</desc>
    ${frame.y === undefined ? '' : yAxis(frame, frame.y)}${frame.x === undefined ? '' : xAxis(frame, frame.x)}${marks}
  </svg>`;
}

function yAxis(frame: Frame, axis: Axis): Markup {
  const area = plotArea(frame);
  const lines = axis.ticks.map((tick) => {
    const y = at(axis.scale(tick));
    return html`<line class="grid" x1="${area.left}" x2="${area.right}" y1="${y}" y2="${y}" /><text
        x="${area.left - 8}"
        y="${y}"
        dy="0.35em"
        text-anchor="end"
        >${axis.format(tick)}</text
      > `;
  });
  const label =
    axis.label === undefined
      ? ''
      : html`<text
          x="${area.left - 8}"
          y="${area.top - 12}"
          text-anchor="start"
          dx="${8 - frame.margin.left}"
          >${axis.label}</text
        >`;
  return html`<g>${lines}${label}</g> `;
}

function xAxis(frame: Frame, axis: Axis): Markup {
  const area = plotArea(frame);
  const ticks = axis.ticks.map((tick) => {
    const x = at(axis.scale(tick));
    return html`<line
        class="axis"
        x1="${x}"
        x2="${x}"
        y1="${area.bottom}"
        y2="${area.bottom + 4}"
      />${tickLabel(x, area.bottom + 18, axis.format(tick), frame.width)} `;
  });
  const label =
    axis.label === undefined
      ? ''
      : html`<text x="${area.right}" y="${area.bottom + 35}" text-anchor="end"
          >${axis.label}</text
        >`;
  return html`<g
    ><line
      class="axis"
      x1="${area.left}"
      x2="${area.right}"
      y1="${area.bottom}"
      y2="${area.bottom}"
    />${ticks}${label}</g
  > `;
}

/** Width of a character of the tick labels, with a little to spare: 12 px Inter has digits of 7.4 px. */
const CHARACTER_WIDTH = 7.6;

/** Centred below its tick, and pushed inwards where the picture ends. */
function tickLabel(x: number, y: number, text: string, width: number): Markup {
  const isCut = x + (text.length * CHARACTER_WIDTH) / 2 > width;
  return isCut
    ? html`<text x="${width}" y="${y}" text-anchor="end">${text}</text>`
    : html`<text x="${x}" y="${y}" text-anchor="middle">${text}</text>`;
}

/** A coordinate with a tenth of a unit: small files, stable diffs. */
export function at(value: number): number {
  return Math.round(value * 10) / 10;
}
