import { html } from './html.ts';
import type { Interpolated, Markup } from './html.ts';

/** The building blocks of every HTML report. */

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

export interface Card {
  readonly label: string;
  readonly value: Interpolated;
  readonly detail: Interpolated;
  readonly tone?: Tone | undefined;
}

/** Headline figures side by side. */
export function cards(list: readonly Card[]): Markup {
  const items = list.map(
    ({ label, value, detail, tone = 'plain' }) =>
      html`<div class="card ${tone}">
        <p class="label">${label}</p>
        <p class="value">${value}</p>
        <p class="detail">${detail}</p>
      </div> `,
  );
  return html`<div class="cards">${items}</div> `;
}

export interface Section {
  /** Stable, for links. */
  readonly id: string;
  readonly title: string;
  /** What the reader should take from it, in a sentence or two. */
  readonly lede?: Interpolated;
  readonly body: Interpolated;
}

/** A titled block of the page. */
export function section({ id, title, lede, body }: Section): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${lede === undefined ? '' : html`<p class="note">${lede}</p>`} ${body}
  </section> `;
}

/** A short verdict in its colour. The word says it too: colour is never alone. */
export function pill(text: string, tone: Tone): Markup {
  return html`<span class="pill ${tone}">${text}</span>`;
}

export interface Column {
  readonly name: string;
  /** Numbers stand right (default), words left. */
  readonly isText?: boolean | undefined;
}

/** A table with a header row; the first column is always words. */
export function dataTable(
  columns: readonly Column[],
  rows: readonly (readonly Interpolated[])[],
  caption?: string,
): Markup {
  const head = columns.map(
    ({ name, isText }) => html`<th scope="col" ${isText === true ? TEXT : ''}>${name}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>
        ${row.map((cell, index) => html`<td${columns[index]?.isText === true ? TEXT : ''}>${cell}</td>`)}
      </tr> `,
  );
  return html`<div class="scroll">
    <table>
      ${
        caption === undefined
          ? ''
          : html`<caption>
              ${caption}
            </caption>`
      }
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div> `;
}

const TEXT = html` class="text"`;

export interface Figure {
  readonly title: string;
  readonly note?: Interpolated;
  readonly legend?: Markup | undefined;
  readonly chart: Markup;
  /** The same numbers as a table, folded away: for screen readers and copying. */
  readonly table?: Markup | undefined;
}

export function figure({ title, note, legend, chart, table }: Figure): Markup {
  return html`<figure>
    <figcaption>${title}</figcaption>
    ${note === undefined ? '' : html`<p class="note">${note}</p>`} ${legend ?? ''}
    <div class="scroll">${chart}</div>
    ${
      table === undefined
        ? ''
        : html`<details>
            <summary>The numbers</summary>
            ${table}
          </details>`
    }
  </figure> `;
}

/** Facts as name and value. */
export function facts(rows: readonly (readonly [string, Interpolated])[]): Markup {
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd> `,
    )}
  </dl> `;
}
