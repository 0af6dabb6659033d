import { expect, test } from 'vitest';

import { escapeHtml, html, renderPage } from '../../src/report/html.ts';
import { dataTable, pill } from '../../src/report/html-parts.ts';
import { htmlFaults } from './well-formed.ts';

test.for([
  {
    why: 'markup',
    text: '<script>alert(1)</script>',
    out: '&lt;script&gt;alert(1)&lt;/script&gt;',
  },
  { why: 'attribute break-out', text: '" onload="x', out: '&quot; onload=&quot;x' },
  { why: 'apostrophe', text: "a'b", out: 'a&#39;b' },
  { why: 'an entity stays text', text: '&lt;', out: '&amp;lt;' },
  { why: 'control characters are not HTML', text: 'a\u0000b\u001Bc', out: 'a�b�c' },
  { why: 'direction overrides can hide a name', text: 'a\u202Eb\u2066c', out: 'a�b�c' },
  { why: 'letters of any script pass', text: 'Größe 模型 🙂', out: 'Größe 模型 🙂' },
])('escapes: $why', ({ text, out }) => {
  expect(escapeHtml(text)).toBe(out);
});

test('the tag escapes strings, keeps markup, joins lists and drops what is absent', () => {
  const name = '<b>';
  const inner = html`<i>${name}</i>`;
  expect(
    html`<p title="${name}">${inner}${[1, html`<br />`, '<']}${null}${undefined}${false}</p>`.text,
  ).toBe('<p title="&lt;b&gt;"><i>&lt;b&gt;</i>1<br/>&lt;</p>');
});

test('a page is well formed, self-contained and forbids everything from outside', () => {
  const hostile = '"><img src=x onerror=alert(1)><!--';
  const page = renderPage({
    title: hostile,
    body: html`<p>${hostile}</p>
      ${dataTable([{ name: hostile }], [[hostile], [pill(hostile, 'bad')]], hostile)}`,
  });
  expect(htmlFaults(page)).toEqual([]);
  expect(page).toContain('default-src &#39;none&#39;;');
  expect(page).not.toContain('<script');
  expect(page).not.toContain('<img');
});

test('the checker itself finds faults', () => {
  expect(htmlFaults('<!doctype html><p><b></p>')).toContain('</p> closes <b>');
  expect(htmlFaults('<!doctype html><script src="https://x.y/z"></script>').join()).toMatch(
    /element <script.*mentions https:\/\/x\.y\/z/,
  );
  expect(htmlFaults('<!doctype html><p onclick="x">a</p>').join()).toContain('handler');
});
