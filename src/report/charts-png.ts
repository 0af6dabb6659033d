import { readFile } from 'node:fs/promises';

import type { ChartConfiguration, ChartItem } from 'chart.js';

import { allowedRange } from './demo.ts';
import type { Comparison } from './demo.ts';
import { showFigure } from './demo-figures.ts';

/** Pictures for places that show no HTML (READMEs, chat, tickets). Light background, bundled font. */

const FAMILY = 'Report';
const WIDTH = 1000;
const ROW_HEIGHT = 44;
const CHROME_HEIGHT = 130;
/** Same colours as the light style sheet. */
const COLOURS = {
  ink: '#14171c',
  muted: '#59616e',
  grid: '#e9ecf0',
  band: '#d3dae3',
  held: '#12713f',
  missed: '#b3261e',
  'not measured': '#8a5a00',
} as const;
/** Ratios outside are drawn at the edge. */
const EDGE = [0.5, 2] as const;

/**
 * Measured against predicted as a PNG, 2000 pixels wide.
 * @returns undefined where the optional canvas or font is not installed
 */
export async function renderComparisonPng(
  rows: readonly Comparison[],
): Promise<Uint8Array | undefined> {
  const modules = await load();
  if (modules === undefined) return undefined;
  const { Chart, createCanvas } = modules;
  const drawn = rows.filter(
    ({ measured, predicted }) => measured !== null && (predicted?.value ?? 0) > 0,
  );
  const canvas = createCanvas(WIDTH, CHROME_HEIGHT + drawn.length * ROW_HEIGHT);
  const chart = new Chart(
    canvas as unknown as ChartItem,
    configuration(rows, drawn) as ChartConfiguration,
  );
  const png = await canvas.encode('png');
  chart.destroy();
  return png;
}

function configuration(
  all: readonly Comparison[],
  rows: readonly Comparison[],
): ChartConfiguration<'bar' | 'scatter', unknown[], string> {
  const held = all.filter(({ verdict }) => verdict === 'held').length;
  const ratio = (row: Comparison): number => inside(row.measured! / row.predicted!.value);
  const names = rows.map(
    (row) =>
      `${row.name}: ${showFigure(row.predicted!.value, row.unit)} predicted, ${showFigure(row.measured, row.unit)} measured`,
  );
  return {
    type: 'bar',
    data: {
      labels: names,
      datasets: [
        {
          type: 'scatter',
          label: 'measured',
          data: rows.map((row, index) => ({ x: ratio(row), y: names[index] })),
          backgroundColor: rows.map(({ verdict }) => COLOURS[verdict]),
          pointRadius: 7,
        },
        {
          type: 'bar',
          label: 'allowed by the forecast',
          data: rows.map((row) => {
            const [low, high] = allowedRange(row)!;
            return [inside(low / row.predicted!.value), inside(high / row.predicted!.value)];
          }),
          backgroundColor: COLOURS.band,
          borderSkipped: false,
          borderRadius: 6,
          barThickness: 18,
        },
      ],
    },
    options: {
      indexAxis: 'y',
      animation: false,
      responsive: false,
      devicePixelRatio: 2,
      locale: 'en-US',
      layout: { padding: 20 },
      font: { family: FAMILY, size: 13 },
      scales: {
        x: {
          type: 'logarithmic',
          min: EDGE[0],
          max: EDGE[1],
          grid: { color: COLOURS.grid },
          title: {
            display: true,
            text: 'measured / predicted',
            color: COLOURS.muted,
            font: { family: FAMILY, size: 13 },
          },
          afterBuildTicks: (axis) => {
            axis.ticks = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2].map((value) => ({ value }));
          },
          ticks: {
            color: COLOURS.muted,
            autoSkip: false,
            callback: (value) => String(value),
            font: { family: FAMILY, size: 13 },
          },
        },
        y: {
          grid: { display: false },
          ticks: { color: COLOURS.ink, autoSkip: false, font: { family: FAMILY, size: 13 } },
        },
      },
      plugins: {
        legend: { display: false },
        title: {
          display: true,
          align: 'start',
          text: `agent-infra demo: ${held} of ${all.length} predictions held under load`,
          color: COLOURS.ink,
          font: { family: FAMILY, size: 18, weight: 'bold' },
          padding: { bottom: 18 },
        },
      },
    },
    plugins: [
      {
        id: 'white-background',
        beforeDraw: ({ ctx, height, width }) => {
          ctx.save();
          ctx.fillStyle = '#ffffff';
          ctx.fillRect(0, 0, width, height);
          ctx.restore();
        },
      },
    ],
  } as ChartConfiguration<'bar' | 'scatter', unknown[], string>;
}

function inside(ratio: number): number {
  return Math.min(EDGE[1], Math.max(EDGE[0], ratio));
}

interface Modules {
  readonly Chart: typeof import('chart.js').Chart;
  readonly createCanvas: typeof import('@napi-rs/canvas').createCanvas;
}

/** Canvas and font are optional dependencies: a platform without a prebuilt binary has none. */
async function load(): Promise<Modules | undefined> {
  try {
    const [{ Chart, registerables }, { createCanvas, GlobalFonts }] = await Promise.all([
      import('chart.js'),
      import('@napi-rs/canvas'),
    ]);
    for (const weight of [400, 700]) {
      const file = `@fontsource/inter/files/inter-latin-${weight}-normal.woff2`;
      GlobalFonts.register(await readFile(new URL(import.meta.resolve(file))), FAMILY);
    }
    Chart.register(...registerables);
    return { Chart, createCanvas };
  } catch {
    return undefined;
  }
}
