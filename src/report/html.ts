import { STYLE } from './html-style.ts';

/**
 * HTML and SVG text that is safe by construction: the tag escapes every interpolated string, and
 * only what another `html` call made passes unescaped. Model, tool and scenario names come from
 * outside.
 */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type Interpolated =
  | Markup
  | string
  | number
  | null
  | undefined
  | false
  | readonly Interpolated[];

/**
 * Template tag for HTML and SVG: `` html`<b>${name}</b>` ``. Lists are joined, absent is empty. Line
 * breaks and indentation of the source are one space in the document.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Interpolated[]): Markup {
  const compact = compactParts(parts);
  let text = compact[0]!;
  for (const [index, value] of values.entries()) text += render(value) + compact[index + 1]!;
  return new Markup(text);
}

const compacted = new WeakMap<TemplateStringsArray, readonly string[]>();

function compactParts(parts: TemplateStringsArray): readonly string[] {
  let compact = compacted.get(parts);
  if (compact === undefined) {
    compact = parts.map((part) => part.replaceAll(/\s+/g, ' ').replaceAll(/ (\/?>)/g, '$1'));
    compacted.set(parts, compact);
  }
  return compact;
}

function render(value: Interpolated): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return (value as readonly Interpolated[]).map(render).join('');
  if (value === null || value === undefined || value === false) return '';
  return escapeHtml(String(value as string | number));
}

/** For element content and quoted attributes. Control characters, which HTML forbids, become �. */
export function escapeHtml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- control characters are what is looked for
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\u202A-\u202E\u2066-\u2069]/g, '�')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  );
}

export interface Page {
  readonly title: string;
  readonly body: Markup;
}

/** No script, no network, no frame: what a report may do is written into it. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** A whole self-contained document: light and dark, printable, readable without JavaScript. */
export function renderPage({ title, body }: Page): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  return page.text;
}
