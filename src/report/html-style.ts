/**
 * The one style sheet of all HTML reports. Series colours are the Okabe-Ito palette, darkened for
 * white and lightened for black so that lines keep 3:1 and text 4.5:1; series also differ by dash.
 */
export const STYLE = `
:root {
  --bg: #f6f7f9; --surface: #ffffff; --sunken: #f1f3f6; --ink: #14171c; --muted: #59616e;
  --line: #e1e5ea; --grid: #e9ecf0; --accent: #0b63a5;
  --good: #12713f; --good-bg: #e4f5eb; --warn: #8a5a00; --warn-bg: #fff2d6; --bad: #b3261e; --bad-bg: #fde8e6;
  --s1: #0072b2; --s2: #d05000; --s3: #008a64; --s4: #a4508b; --s5: #6b7280; --band: #0072b21f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0d1014; --surface: #15191f; --sunken: #1b2027; --ink: #e9ecf1; --muted: #9ba5b4;
    --line: #2a313b; --grid: #222831; --accent: #6cbcf2;
    --good: #56d08f; --good-bg: #12301f; --warn: #f0bd4f; --warn-bg: #352809; --bad: #ff8b82; --bad-bg: #3a1815;
    --s1: #56b4e9; --s2: #f08a3c; --s3: #2cc795; --s4: #e394c4; --s5: #97a1b0; --band: #56b4e92b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--bg); color: var(--ink);
  font: 15px/1.55 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-feature-settings: "tnum" 1, "cv05" 1; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 10px; font-weight: 680; text-wrap: balance; }
h2 { font-size: 19px; line-height: 1.3; letter-spacing: -.01em; margin: 0 0 4px; font-weight: 640; text-wrap: balance; }
h3 { font-size: 14px; margin: 0 0 6px; font-weight: 620; }
p { margin: 0 0 10px; max-width: 74ch; }
a { color: var(--accent); }
code { font: .92em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--sunken); padding: .1em .35em; border-radius: 5px; }
.eyebrow { color: var(--muted); font-size: 12.5px; letter-spacing: .04em; margin: 0 0 10px; }
.eyebrow b { color: var(--ink); font-weight: 620; }
.lede { font-size: 17px; color: var(--muted); margin: 0 0 22px; max-width: 68ch; }
.note { color: var(--muted); font-size: 13.5px; }
.reasons { list-style: none; margin: 0 0 20px; padding: 0 0 0 14px; border-left: 3px solid var(--c); } .reasons li { margin: 0 0 3px; max-width: 74ch; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px 20px; margin: 18px 0 0; }
section > .note:first-of-type { margin-bottom: 14px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(178px, 1fr)); gap: 14px; margin: 4px 0 0; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; padding: 16px 18px 14px; min-width: 0; }
.card .label { color: var(--muted); font-size: 12.5px; margin: 0 0 2px; }
.card .value { font-size: clamp(20px, 2.1vw, 26px); line-height: 1.2; font-weight: 660; letter-spacing: -.02em; margin: 0 0 4px; overflow-wrap: anywhere; }
.card .value small { font-size: 14px; font-weight: 520; color: var(--muted); letter-spacing: 0; }
.card .detail { color: var(--muted); font-size: 13px; line-height: 1.4; margin: 0; }
.card.good { border-top: 3px solid var(--good); padding-top: 14px; }
.card.warn { border-top: 3px solid var(--warn); padding-top: 14px; }
.card.bad { border-top: 3px solid var(--bad); padding-top: 14px; }
.steps { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0; margin: 6px 0 0; padding: 0; list-style: none; counter-reset: step; }
.steps li { counter-increment: step; position: relative; padding: 0 26px 0 0; min-width: 0; }
.steps li::before { content: counter(step); display: grid; place-items: center; width: 26px; height: 26px; border-radius: 50%; background: var(--accent); color: var(--surface); font-size: 13px; font-weight: 680; margin: 0 0 10px; position: relative; z-index: 1; }
.steps li:not(:last-child)::after { content: ""; position: absolute; left: 34px; right: 8px; top: 13px; height: 0; border-top: 2px solid var(--line); }
.steps h3 { margin: 0 0 2px; }
.steps p { font-size: 13.5px; color: var(--muted); line-height: 1.45; margin: 0; }
.steps b { color: var(--ink); font-weight: 620; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 8px 10px; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th { color: var(--muted); font-weight: 540; font-size: 12.5px; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
td:not(:first-child):not(.text) { white-space: nowrap; }
td.text, th.text { text-align: left; }
td b { font-weight: 580; }
td code { font-size: 12px; color: var(--muted); }
td:first-child code:only-child { color: var(--ink); }
td small { white-space: normal; color: var(--muted); font-size: 12.5px; display: block; line-height: 1.35; }
tbody tr:last-child td { border-bottom: 0; }
caption { text-align: left; color: var(--muted); font-size: 13px; padding: 0 0 6px; }
.pill { display: inline-block; font-size: 12px; line-height: 1; font-weight: 620; padding: 5px 9px; border-radius: 99px; white-space: nowrap; }
.pill.good { color: var(--good); background: var(--good-bg); }
.pill.warn { color: var(--warn); background: var(--warn-bg); }
.pill.bad { color: var(--bad); background: var(--bad-bg); }
.pill.plain { color: var(--muted); background: var(--sunken); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 2px 0 6px; padding: 0; list-style: none; font-size: 13px; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: 7px; }
.legend svg { flex: none; display: block; }
figure { margin: 12px 0 0; }
figure > figcaption { font-size: 14px; font-weight: 600; margin: 0 0 2px; }
figure > .note { margin: 0 0 4px; }
.chart { display: block; width: 100%; height: auto; font: 12px Inter, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; font-feature-settings: "tnum" 1; }
.chart text { fill: var(--muted); stroke: var(--surface); stroke-width: 3px; paint-order: stroke; stroke-linejoin: round; }
.chart text.strong { fill: var(--ink); }
.chart .grid { stroke: var(--grid); }
.chart .axis { stroke: var(--line); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 10px 34px; }
@media (max-width: 520px) { .two { grid-template-columns: minmax(0, 1fr); } .card:last-child:nth-child(odd) { grid-column: 1 / -1; } }
.s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); } .s5 { --c: var(--s5); }
.good { --c: var(--good); } .warn { --c: var(--warn); } .bad { --c: var(--bad); } .plain { --c: var(--s5); }
.stroke { stroke: var(--c); fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.fill { fill: var(--c); }
.soft { fill: var(--c); opacity: .16; }
.limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 4; }
.chart text.limit-name { fill: var(--bad); font-weight: 600; }
.shade { fill: var(--sunken); }
details { margin: 10px 0 0; font-size: 13.5px; }
details[open] { padding-bottom: 4px; }
summary { cursor: pointer; color: var(--muted); width: fit-content; border-radius: 6px; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
details > :not(summary) { margin-top: 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 18px; margin: 6px 0 0; font-size: 13.5px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
ol.stages { list-style: none; margin: 12px 0 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 14px; }
ol.stages > li { border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; font-size: 13.5px; }
ol.stages h3 { font-size: 14.5px; } ol.stages p { margin: 0 0 6px; line-height: 1.45; } ol.stages ul { margin: 0 0 8px; padding: 0 0 0 17px; color: var(--muted); }
footer { color: var(--muted); font-size: 13px; margin: 26px 2px 0; }
footer p { margin: 0 0 4px; }
@media (max-width: 760px) { main { padding: 24px 14px 48px; } section { padding: 18px 16px; } .steps { grid-template-columns: 1fr; gap: 16px; } .steps li { padding: 0 0 0 40px; } .steps li::before { position: absolute; left: 0; top: 0; } .steps li:not(:last-child)::after { left: 12px; right: auto; top: 30px; bottom: -12px; height: auto; border-top: 0; border-left: 2px solid var(--line); } .chart.wide { min-width: 640px; } }
@media print { body { background: #fff; } section, .card { break-inside: avoid; } main { max-width: none; padding: 0; } }
`;
