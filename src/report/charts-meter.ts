import { at, plotArea, renderFrame } from './charts-frame.ts';
import { logScale, logTicks } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';

/** How full one limit is at each scale. */
export interface MeterRow {
  readonly name: string;
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
  let y = margin.top + ROW_GAP / 2;
  for (const [index, row] of rows.entries()) {
    const middle = y + (heights[index]! - ROW_GAP) / 2;
    marks.push(html`<text class="strong" x="0" y="${at(middle)}" dy="0.25em">${row.name}</text> `);
    for (const [place, bar] of row.bars.entries()) {
      marks.push(meterBar(bar, y + place * (BAR_HEIGHT + BAR_GAP), area.left, x(bar.share)));
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
    marks,
  );
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
    ><text class="strong" x="${at(from + width + 8)}" y="${at(top + BAR_HEIGHT / 2)}" dy="0.35em"
      >${bar.text}</text
    ></g
  > `;
}
