import { at, plotArea, renderFrame } from './charts-frame.ts';
import { logScale, logTicks } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';

/** How full one limit is at each scale. */
export interface MeterRow {
  /** Whose limit it is. */
  readonly name: string;
  /** Which limit, in a line of its own. */
  readonly limit: string;
  readonly bars: readonly MeterBar[];
}

interface MeterBar {
  /** `1x`, `3x`, `10x`. */
  readonly scale: string;
  /** Share of the limit: 1 is full. */
  readonly share: number;
  readonly text: string;
}

export interface MeterChart {
  readonly title: string;
  readonly summary: string;
  readonly rows: readonly MeterRow[];
}

const BAR_HEIGHT = 14;
const BAR_GAP = 4;
const ROW_GAP = 16;
/** From here on a limit is close: the share commonly used as an alert threshold. */
const CLOSE = 0.8;

/** Bars against the line "100 % of the limit", on a logarithmic axis: 1x to 10x fit one picture. */
export function meterChart({ title, summary, rows }: MeterChart): Markup {
  const width = 1000;
  const margin = { top: 26, right: 130, bottom: 40, left: 216 };
  const shares = rows.flatMap(({ bars }) => bars.map(({ share }) => share)).filter((s) => s > 0);
  const low = Math.min(0.05, ...shares) * 0.8;
  const high = Math.max(2, ...shares) * 1.1;
  const heights = rows.map(({ bars }) => bars.length * (BAR_HEIGHT + BAR_GAP) + ROW_GAP);
  const height = margin.top + margin.bottom + heights.reduce((sum, each) => sum + each, 0);
  const area = plotArea({ width, height, margin });
  const x = logScale([low, high], [area.left, area.right]);
  const full = at(x(1));
  const ticks = logTicks(low, high).filter((tick) =>
    /^[15]/.test(String(tick).replace(/^0\.0*/, '')),
  );
  const marks: Markup[] = [];
  // After the line of the limit, so that it strikes none of them through.
  const texts: Markup[] = [];
  let y = margin.top + ROW_GAP / 2;
  for (const [index, row] of rows.entries()) {
    const middle = y + (heights[index]! - ROW_GAP) / 2;
    marks.push(
      html`<text class="strong" x="0" y="${at(middle)}" dy="-0.35em"
          >${shortened(row.name)}<title>${row.name}</title></text
        ><text x="0" y="${at(middle)}" dy="1em">${row.limit}</text> `,
    );
    for (const [place, bar] of row.bars.entries()) {
      const top = y + place * (BAR_HEIGHT + BAR_GAP);
      marks.push(meterBar(bar, top, area.left, x(bar.share)));
      texts.push(barText(bar, top, x(bar.share)));
    }
    y += heights[index]!;
  }
  marks.push(
    html`<line class="limit" x1="${full}" x2="${full}" y1="${area.top}" y2="${area.bottom}" /><text
        class="limit-name"
        x="${full}"
        y="${area.top - 8}"
        text-anchor="middle"
        >limit</text
      > `,
  );
  const format = (share: number): string => `${Number((share * 100).toPrecision(3))}%`;
  return renderFrame(
    {
      title,
      summary,
      width,
      height,
      margin,
      x: { scale: x, ticks, format, label: 'share of the limit in the busiest minute' },
    },
    [...marks, ...texts],
  );
}

/** Room left of the bars, in characters of the chart's type. */
const NAME_LENGTH = 26;

function shortened(name: string): string {
  return name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1)}…`;
}

function meterBar(bar: MeterBar, top: number, from: number, to: number): Markup {
  const tone = bar.share > 1 ? 'bad' : bar.share > CLOSE ? 'warn' : 's1';
  const width = Math.max(2, to - from);
  return html`<g class="${tone}"
    ><text x="${at(from - 10)}" y="${at(top + BAR_HEIGHT / 2)}" dy="0.35em" text-anchor="end"
      >${bar.scale}</text
    ><rect
      class="fill"
      x="${at(from)}"
      y="${at(top)}"
      width="${at(width)}"
      height="${BAR_HEIGHT}"
      rx="3"
      ><title>${bar.text}</title></rect
    ></g
  > `;
}

function barText(bar: MeterBar, top: number, end: number): Markup {
  return html`<text class="strong" x="${at(end + 8)}" y="${at(top + BAR_HEIGHT / 2)}" dy="0.35em"
    >${bar.text}</text
  > `;
}
