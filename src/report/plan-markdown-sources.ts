import type { Source } from '../capacity/plan-input.ts';
import { markdownCell as cell, markdownTable } from './markdown-table.ts';

interface Page {
  readonly source: Source;
  readonly of: string[];
}

/** Sources numbered by page, date and basis, so that tables can point at them. */
export class SourceList {
  readonly #pages: readonly Page[];

  constructor(sources: readonly Source[]) {
    const pages = new Map<string, Page>();
    for (const source of sources) {
      const key = `${source.page}\n${source.date}\n${source.basis}`;
      const page = pages.get(key) ?? { source, of: [] };
      pages.set(key, page);
      if (!page.of.includes(source.of)) page.of.push(source.of);
    }
    this.#pages = [...pages.values()];
  }

  /** `[1] [3]` for the sources of what `names` holds of; empty when there are none. */
  refs(names: (of: string) => boolean): string {
    return this.#pages
      .flatMap(({ of }, index) => (of.some(names) ? [`[${index + 1}]`] : []))
      .join(' ');
  }

  section(): string {
    if (this.#pages.length === 0) return '';
    const rows = this.#pages.map(({ of, source }, index) => [
      `[${index + 1}]`,
      of.map(cell).join('; '),
      source.date === '' ? '–' : source.date,
      source.basis,
      cell(source.page),
    ]);
    const head = ['', 'number', 'date', 'basis', 'page'];
    const align = ['right', 'left', 'left', 'left', 'left'] as const;
    return ['## Sources', '', markdownTable(head, rows, align)].join('\n');
  }
}
