/** How wide a text is on a terminal, and how it is cut to that. */

type Align = 'left' | 'right';

/** Padded to `width` columns of the terminal. */
export function pad(text: string, width: number, align: Align = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - visibleWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Columns a text takes: colours take none, East Asian wide characters two. */
export function visibleWidth(text: string): number {
  let width = 0;
  // eslint-disable-next-line no-control-regex -- the escape character of ANSI sequences
  for (const point of text.replaceAll(/\u001B\[[\d;]*m/g, '')) {
    if (/\p{Mark}/u.test(point)) continue;
    width += WIDE.test(point) ? 2 : 1;
  }
  return width;
}

/** Blocks whose characters are two columns wide (Unicode East Asian Width W and F, main ranges). */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;

/** Lines of at most `width` columns, broken at spaces; a colour around the whole is kept on each. */
export function wrap(text: string, width: number): string[] {
  const [, on = '', inner = text, off = ''] =
    // eslint-disable-next-line no-control-regex -- the escape character of ANSI sequences
    /^(\u001B\[\d+m)(.*)(\u001B\[\d+m)$/s.exec(text) ?? [];
  const lines: string[] = [];
  let line = '';
  for (const word of inner.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && visibleWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  lines.push(line);
  return lines.map((part) => on + part + off);
}
