// @ts-nocheck
// What was seen, as a page.

import './core.js';
import { asIs, byLabel, help, lagText, muted, named } from './advice.js';
import { make } from './dom.js';
import { diagnosis } from './diagnosis.js';
import { helpIn } from './findings.js';
import { requestFacts, requestFields } from './connection.js';
import { asJson, diagnosisJson, liveJson, rounded, visible } from './json.js';
import { live } from './live.js';
import { BY_EVENT_SOURCE, badge, holdText, matrixOf } from './matrix.js';
import { origin } from './origin.js';
import { eventsUrl } from './query.js';
import { begunUs, circumstances, isoOf, liveFacts, notesOn } from './report.js';
import { millis, nice, sentence } from './text.js';
import { liveSummaries, toneOf } from './verdict.js';

const REPORT_STYLE = `
  body { display: block; }
  body > * + * { margin-top: 1rem; }
  h1 { line-height: 1.25; }
  .card > * + *, li + li { margin-top: .375rem; }
  .verdict { border-left: .375rem solid var(--tone); }
  .scroll { overflow-x: auto; }
  .scroll table { overflow-wrap: normal; }
  td small { display: block; color: var(--muted); min-width: 9rem; }
  figure + figure { margin-top: 2.5rem; }
  .many { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem; }
  .many figure { margin: 0; display: flex; flex-direction: column; }
  .many figcaption { flex: 1; }
  figure > svg { display: block; overflow: visible; width: calc(100% - 4.5rem); margin: .75rem .75rem 0 3.75rem; }
  .lags { height: 12rem; }
  .ways { height: 4rem; margin-bottom: 1.5rem !important; }
  .many .lags { height: 4.5rem; }
  .many .ways { height: 1.75rem; }
  svg text { font-size: .75rem; fill: var(--muted); }
  svg line { stroke: var(--line); }
  .left { text-anchor: end; }
  .middle { text-anchor: middle; }
  .bars { fill: var(--tone, var(--accent)); }
  .way { fill: none; stroke: var(--tone, var(--accent)); stroke-opacity: .6; vector-effect: non-scaling-stroke; }
  @media print {
    :root {
      --page: #fff; --card: #fff; --text: #000; --muted: #444; --line: #bbb; --accent: #0a5bb5; --good: #1a7f37;
      --warn: #8a5a00; --bad: #c11f2b; --on: #fff;
    }
    * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    html { font-size: .8125rem; }
    .card { border-width: 0 0 1px; border-radius: 0; padding: .5rem 0; }
    .scroll { overflow: visible; }
    figure, tr, .line { break-inside: avoid; }
    details { display: none; }
  }
`;

function draws(tag, attributes, ...inside) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

const percent = (share) => `${(share * 100).toFixed(1)}%`;
const axisText = (ms) => (ms > 0 && ms < 1000 ? `${rounded(ms)} ms` : `${rounded(ms / 1000)} s`);
// Text and lines keep their size; only this is stretched.
const stretched = (kind, d) =>
  draws('svg', { width: '100%', height: '100%', viewBox: '0 0 1000 1000', preserveAspectRatio: 'none' },
    draws('path', { class: kind, d }));
const across = (share, text) => [
  draws('line', { x1: 0, x2: '100%', y1: percent(1 - share), y2: percent(1 - share) }),
  draws('text', { x: -6, y: percent(1 - share), dy: '.3em', class: 'left' }, text),
];

const longestMs = (streams) =>
  Math.max(100, ...streams.flatMap(({ samples }) => samples.map(({ lagUs }) => lagUs / 1000)));
const lastsMs = ({ requestedUs, endUs, samples }) =>
  Math.max(1, ((endUs ?? samples.at(-1)?.atUs ?? requestedUs) - requestedUs) / 1000);

/**
 * How late each event was, by when it was sent; below, a line from there to when it came: where lines meet, events came
 * together.
 */
function charts(name, stream, { untilMs, topMs, isSmall = false }) {
  const { samples, requestedUs } = stream;
  const most = isSmall ? 60 : 300;
  const x = (us) => Math.min(Math.max((us - requestedUs) / 1000 / untilMs, 0), 1) * 1000;
  // Of many charts the heights are comparable over orders of magnitude, of few they are in proportion.
  const raw = (ms) => (isSmall ? Math.log10(Math.max(ms, 1)) / Math.log10(topMs) : ms / topMs);
  const share = (ms) => Math.min(Math.max(raw(ms), 0), 1);
  const highest = new Map();
  for (const { sentUs, lagUs } of samples) {
    const place = Math.min(Math.floor((x(sentUs) / 1000) * most), most - 1);
    highest.set(place, Math.max(highest.get(place) ?? 0, share(lagUs / 1000), 0.02));
  }
  const wide = 1000 / most;
  const bars = [...highest].map(([n, high]) =>
    `M${(n * wide).toFixed(1)} 1000v-${Math.round(high * 1000)}h${(wide * 0.8).toFixed(1)}V1000z`);
  const some = samples.filter((_, n) => n % Math.ceil(samples.length / most) === 0);
  const ways = some.map(({ sentUs, atUs }) => `M${x(sentUs).toFixed(1)} 0L${x(atUs).toFixed(1)} 1000`);
  const heights = isSmall ? [1, 100, topMs] : [0, topMs / 2, topMs];
  const stepMs = nice(untilMs / (isSmall ? 2 : 5));
  const times = Array.from({ length: Math.floor(untilMs / stepMs) + 1 }, (_, n) => n * stepMs);
  const at = (ms) => percent(ms / untilMs);
  const none = stream.counts.received === 0 ? 'no event came' : 'when events were sent is not known';
  const upright = () => times.map((ms) => draws('line', { x1: at(ms), x2: at(ms), y1: 0, y2: '100%' }));
  const picture = (kind, label, ...inside) =>
    draws('svg', { class: kind, role: 'img', 'aria-label': `${name}: ${label}` }, ...inside);
  return [
    picture('lags', 'lag of each event, by when it was sent',
      ...heights.flatMap((ms) => across(share(ms), axisText(ms))),
      ...upright(), stretched('bars', bars.join('')),
      ...(samples.length === 0 ? [draws('text', { x: '50%', y: '50%', class: 'middle' }, none)] : [])),
    picture('ways', 'when each event was sent, and when it came',
      draws('text', { x: -6, y: 0, dy: '.8em', class: 'left' }, 'sent'),
      draws('text', { x: -6, y: '100%', class: 'left' }, 'came'),
      ...upright(), stretched('way', ways.join('')),
      ...times.map((ms) => draws('text', { x: at(ms), y: '100%', dy: '1.25em', class: 'middle' }, axisText(ms)))),
  ];
}

const card = (title, ...inside) => make('section', [make('h2', title), ...inside.flat()], { class: 'card' });
const factList = (facts) =>
  make('dl', facts.flatMap(([name, text]) => [make('dt', String(name)), make('dd', String(text))]), { class: 'facts' });

function figure(title, verdict, drawing) {
  const caption = make('figcaption', [make('strong', title), ' ', badge(verdict)]);
  return make('figure', [caption, ...drawing], { 'data-tone': toneOf(verdict) });
}

function chartCard() {
  const looks = diagnosis?.looks ?? [];
  const [first] = looks;
  const again = looks.find(({ variant }) => variant.id() === diagnosis.smallest)?.again;
  const seen = [
    ['Without any cure', first], [`With ${diagnosis?.smallest}, the second time`, again],
  ].filter(([, look]) => look?.naming).map(([title, { naming, verdict }]) => [title, naming, verdict.verdict]);
  const streams = seen.map(([, stream]) => stream);
  const few = { untilMs: Math.max(...streams.map(lastsMs)), topMs: nice(longestMs(streams)) };
  const [[stream]] = liveSummaries();
  const alone = { untilMs: lastsMs(stream), topMs: nice(longestMs([stream])) };
  return card('Events over time',
    seen.map(([title, stream, verdict]) => figure(title, verdict, charts(title, stream, few))),
    figure('Live stream', live.verdict?.verdict ?? 'measuring', charts('Live stream', stream, alone)),
    muted('Bars: the lag of each event, by when it was sent. Below, a line leads from when an event was sent to when ' +
      'it came: upright lines are events in real time, lines that meet are events that came together.'));
}

function manyCharts(found) {
  const seen = matrixOf(found).filter(({ look }) => look.naming);
  const topMs = 10 ** Math.ceil(Math.log10(Math.max(1000, longestMs(seen.map(({ look }) => look.naming)))));
  return card('Each variant over time',
    muted('The same, with lags on a logarithmic scale that all share.'),
    make('div', seen.map(({ id, verdict, look: { naming } }) =>
      figure(id, verdict, charts(id, naming, { untilMs: lastsMs(naming), topMs, isSmall: true }))), { class: 'many' }));
}

const helpCard = (found) => card('What helps', help(found));

function matrixCard(found) {
  const heads = ['Variant', 'Request', 'Verdict', 'Hold', 'First event', 'Median lag', 'Longest lag', 'Second time'];
  const rows = matrixOf(found).map(({ id, how, verdict, hold, again, first, lag }) => [
    [make('code', id), make('small', changesOf(id))], how, badge(verdict), holdText(hold) || '–', millis(first),
    lagText(lag?.p50), lagText(lag?.max), again === null ? '–' : badge(again),
  ]);
  return card('What was tried',
    muted('The same stream with one thing changed each time, or several: does it arrive in real time then?'),
    make('div', make('table', [
      make('thead', make('tr', heads.map((text) => make('th', text, { scope: 'col' })))),
      make('tbody', rows.map((row) => make('tr', row.map((cell) => make('td', cell))))),
    ]), { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'What was tried' }));
}

// What a variant changes, in a few words.
const CHANGES = {
  plain: 'as it is', [BY_EVENT_SOURCE]: 'the same, asked for as pages do', quiet: 'nothing sent for a while',
  heartbeat: 'nothing sent for a while but comments', 'late-byte': 'a first byte two seconds late',
  everything: 'what helps on some paths, all at once', 'everything-close': 'the same, ended by the connection’s end',
};
const changesOf = (id) =>
  CHANGES[id] ?? id.split('+').map((change) => Core.CURES.get(change)?.line).filter(Boolean).join(' + ');

function verdictCard(found) {
  const [{ verdict: plain }] = found.looks;
  const { telling } = helpIn(found);
  const { cause } = found;
  const isNew = ({ text }) => text !== plain.summary && text !== cause?.text;
  return make('section', [
    make('h2', [badge(plain.verdict), ` ${sentence(plain.summary)}`]),
    muted('That is what the path does to a stream without any cure.'),
    ...(cause && cause.text !== plain.summary ? [byLabel('Why', cause.text)] : []),
    ...telling.filter(isNew).map(({ text }) => make('p', sentence(text))),
  ], { class: 'card verdict', 'data-tone': toneOf(plain.verdict) });
}

const folded = (title, value) =>
  make('details', [make('summary', title), make('pre', asJson(value), { class: 'line' })], { class: 'card' });

const sheet = () => [...document.styleSheets[0].cssRules].map(({ cssText }) => cssText).join('\n');

// A page that needs nothing else.
export function htmlReport() {
  const page = document.implementation.createHTMLDocument('');
  page.documentElement.lang = 'en';
  const word = diagnosis?.looks[0].verdict.verdict ?? live.verdict?.verdict ?? 'no verdict';
  page.title = `${word}: ${live.url}`;
  const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
  page.head.append(make('meta', [], { charset: 'utf-8' }),
    make('meta', [], { 'http-equiv': 'Content-Security-Policy', content: policy }),
    make('meta', [], { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    make('meta', [], { name: 'color-scheme', content: 'light dark' }),
    make('meta', [], { name: 'referrer', content: 'no-referrer' }));
  const hello = live.hello ?? diagnosis?.looks[0].hello;
  page.body.append(
    make('header', [muted('Do Server-Sent Events arrive in real time?'), make('h1', eventsUrl('')),
      muted(`Measured on ${isoOf(diagnosis ? begunUs(diagnosis) : live.begunUs)} by a browser, with ` +
        `${origin.server ?? 'sse-argo-tester'}`)]),
    ...(diagnosis ? [verdictCard(diagnosis), helpCard(diagnosis)] : []),
    ...(diagnosis ? [card('Notes', make('ul', notesOn(diagnosis).map((note) => make('li', sentence(note)))))] : []),
    card('Live stream', make('p', badge(live.verdict?.verdict ?? 'measuring')), factList(liveFacts())),
    chartCard(),
    ...(diagnosis ? [matrixCard(diagnosis), manyCharts(diagnosis)] : []),
    card('Circumstances', factList(circumstances())),
    ...(hello ? [card('What the origin saw', factList([...requestFacts(hello), ...requestFields(hello)]))] : []),
    folded('The live stream as JSON', liveJson()),
    ...(diagnosis ? [folded('The diagnosis as JSON', diagnosisJson(diagnosis))] : []),
  );
  const texts = page.createTreeWalker(page.documentElement, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = visible(texts.currentNode.data);
  // This page's own policy forbids other styles, in a document that is never shown, too: it is put in as text.
  const [head, body] = page.documentElement.outerHTML.split(/<\/head>(.*)/s);
  const [open, close] = ['style', '/style'].map((tag) => `<${tag}>`);
  const style = sheet() + REPORT_STYLE;
  return `<!doctype html>\n${head}${open}${style}${close}</head>${body}\n`;
}

