const VOID = new Set(['meta', 'br', 'hr', 'img', 'input', 'link', 'col']);
/** Elements a report may consist of; anything else (script, iframe, object, …) is a fault. */
const ALLOWED = new Set(
  (
    'html head meta title style body main section header footer p h1 h2 h3 b small code ol ul li ' +
    'div span figure figcaption details summary table caption thead tbody tr th td dl dt dd a ' +
    'svg g line rect path circle text desc'
  ).split(' '),
);

/** What is wrong with a document: unbalanced tags, unknown elements, handlers, outside addresses. */
export function htmlFaults(document: string): string[] {
  const faults: string[] = [];
  const stack: string[] = [];
  const body = document.replace(/<style>[\s\S]*?<\/style>/, '<style></style>');
  if (!body.startsWith('<!doctype html>')) faults.push('no doctype');
  for (const match of body
    .slice('<!doctype html>'.length)
    .matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:[^<>"]|"[^"]*")*?)(\/?)>/g)) {
    const [tag, closing, name = '', attributes = '', selfClosing] = match;
    if (!ALLOWED.has(name)) faults.push(`element ${tag}`);
    if (/\son\w+=/i.test(attributes)) faults.push(`handler ${tag}`);
    if (/\s(?:href|src|action|xlink:href)="(?!#)/i.test(attributes)) faults.push(`address ${tag}`);
    if (closing === '/') {
      const open = stack.pop();
      if (open !== name) faults.push(`</${name}> closes <${open ?? 'nothing'}>`);
    } else if (selfClosing !== '/' && !VOID.has(name)) {
      stack.push(name);
    }
  }
  if (stack.length > 0) faults.push(`unclosed ${stack.join(' ')}`);
  const text = body.replaceAll(/<(?:[^<>"]|"[^"]*")*>/g, '');
  if (/[<>]/.test(text)) faults.push('a bare < or > in text');
  // An address in text is only text; in a tag or the style sheet it could be fetched.
  const style = /<style>[\s\S]*?<\/style>/.exec(document)?.[0] ?? '';
  const tags = [...body.matchAll(/<(?:[^<>"]|"[^"]*")*>/g)].map(([tag]) => tag).join('');
  for (const [url] of (style + tags).matchAll(/(?:https?:)?\/\/[^\s"'<)]+|url\(/g)) {
    if (url !== 'http://www.w3.org/2000/svg') faults.push(`mentions ${url}`);
  }
  const ids = [...body.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id!);
  if (new Set(ids).size !== ids.length) faults.push('an id twice');
  return faults;
}
