// @ts-nocheck
// What was seen, as text.

import './core.js';
import { adviceText, hopText, lagText } from './advice.js';
import { nowUs, unixMs } from './clock.js';
import { PHASES } from './connection.js';
import { diagnosis } from './diagnosis.js';
import { tally } from './figures.js';
import { WHERE, helpIn, isFaulty, noCure, proofOf, secondOf, tellingOf } from './findings.js';
import { visible } from './json.js';
import { live } from './live.js';
import { matrixOf } from './matrix.js';
import { clockText, origin, protocolName } from './origin.js';
import { presence } from './presence.js';
import { METHODS, eventsUrl, link, parameters } from './query.js';
import { settingsText } from './settings.js';
import { counted, median, millis, span } from './text.js';

export const isoOf = (us) => `${new Date(unixMs(us)).toISOString().slice(0, 19)}Z`;

// The header fields that cure some paths, as far as the live stream has them.
function fieldCures() {
  const [accel, cache] = ['accel', 'cache'].map((name) => parameters().get(name) ?? 'best');
  const control = cache === 'best' ? 'no-store, no-transform' : cache;
  const fields = [accel === 'none' ? '' : 'X-Accel-Buffering: no', cache === 'none' ? '' : `Cache-Control: ${control}`];
  return fields.filter(Boolean).join('; ') || 'none of the header fields that cure';
}

// In which circumstances it was seen.
export function circumstances() {
    return [
    ['Page', link()], ['Stream', live.url],
    ['Asked for', settingsText()],
    ['Written', `${isoOf(nowUs())}, ${span(nowUs())} after the page was opened`],
    ...(diagnosis ? [['Diagnosed', `${isoOf(begunUs(diagnosis))}, in ${span(diagnosis.tookUs)}`]] : []),
    ...(presence.hiddenUs > 0 ? [['Hidden', `the tab was not in view for ${span(presence.hiddenUs)}, which isn’t judged`]] : []),
    ['Origin', origin.server ?? 'it does not answer'], ['Browser', navigator.userAgent],
    ['Protocol', `${protocolName() ?? 'not known'} at the browser, ` +
      `${live.hello?.http ?? diagnosis?.looks[0].hello?.http ?? 'not known'} at the origin`],
    ['Clock', clockText()],
  ];
}

export const begunUs = ({ looks: [{ found: [{ recorder }] }] }) => recorder.requestedUs;

// What the live stream came to.
export function liveFacts() {
  const { verdict, how, finding } = live;
  const { received, missing, repeated, reconnects, lags, most, first } = tally;
  const word = verdict?.verdict ?? (live.phase === 'stopped' ? 'stopped' : 'measuring');
  const isOurs = live.recorder.origin === 'ours';
  const lost = isOurs ? `, ${missing} missing, ${repeated} repeated` : '';
  return [
    ['Verdict', verdict ? `${word}: ${verdict.summary}` : `none yet (${word})`],
    ...(isOurs ? [['With', fieldCures()]] : []),
    ['Events', `${received} received${lost}; ${counted(reconnects, 'reconnect')}; ` +
      `within ${span(nowUs() - live.begunUs)}, ${METHODS[how]}`],
    ...(lags.length === 0 ? [] : [['Lag', `median ${millis(median(lags))}, longest ${millis(most)}; ` +
      `first event after ${millis(first)}`]]),
    ...tellingOf(verdict).filter(({ text }) => text !== verdict.summary).map(({ text }) => ['Seen', text]),
    ...(finding === null ? [] : [['State', PHASES[live.phase][1]]]),
    ...tellingOf(verdict).filter(({ advice }) => advice).map(({ advice }) => ['Try', advice]),
    ...(isFaulty(word) && isOurs && diagnosis === null ? [['Next', `${link()}#diagnose finds out what helps`]] : []),
  ];
}

// The plain report is to be pasted into a mail, a chat or an issue.
const COLUMNS = 78;
const LABEL = 11;

// A word or two, and sentences behind it. What is longer than a line, such as a URL, stays whole.
function labelled(label, text) {
  const lines = [label.padEnd(LABEL)];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line.length === LABEL) lines[lines.length - 1] += word;
    else if (line.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] += ` ${word}`;
    else lines.push(' '.repeat(LABEL) + word);
  }
  return lines;
}

const paragraphs = (facts) => facts.flatMap(([label, text]) => labelled(label, text));

function aligned(rows) {
  const widths = rows[0].map((_, n) => Math.max(...rows.map((row) => row[n].length)));
  return rows.map((row) => row.map((text, n) => text.padEnd(widths[n])).join('  ').trimEnd());
}

function diagnosisText(found) {
  const [{ verdict: plain }] = found.looks;
  const { cure, works, fails, open, general, telling } = helpIn(found);
  const { cause } = found;
  const ids = (label, remedies) => (remedies.length === 0 ? [] : [[label, remedies.map(({ id }) => id).join(', ')]]);
  const before = [
    ['Verdict', `without any cure the path is ${plain.verdict}: ${plain.summary}`],
    ...(cause && cause.text !== plain.summary ? [['Cause', `${cause.id}: ${cause.text}`]] : []),
    ...telling.filter(({ text }) => text !== plain.summary && text !== cause?.text).map(({ text }) => ['Seen', text]),
    ...telling.filter(({ advice }) => advice).map(({ advice }) => ['Try', advice]),
    ['Cure', cure ? `${cure.id}, ${WHERE[cure.place]}:` : noCure(found)],
  ];
  const lines = (cure?.changes ?? []).map((id) => Core.CURES.get(id)).flatMap(({ line, text }) =>
    [`${' '.repeat(LABEL + 2)}${line}`, ...labelled('', `(${text})`)]);
  const after = [
    ...(cure && proofOf(found, cure.id) ? [['', `${proofOf(found, cure.id)}.`]] : []),
    ...ids('Works too', works), ...ids('No help', fails), ...ids('Not known', open),
    ...configurations(found, general).map((text) => [cure ? 'Or' : 'Try', text]),
    ...(found.hop ? [['Between', hopText(found.hop)]] : []),
    ...notesOn(found).map((note) => ['Note', note]),
  ];
  const heads = ['VARIANT', 'VERDICT', 'HOLD', 'FIRST', 'MEDIAN', 'LONGEST LAG'];
  const rows = matrixOf(found).map(({ id, verdict, again, hold, first, lag }) =>
    [id, verdict + secondOf({ verdict, again }), holdInShort(hold), millis(first), lagText(lag?.p50), lagText(lag?.max)]);
  return ['DIAGNOSIS', ...paragraphs(before), ...lines, ...paragraphs(after), '', ...aligned([heads, ...rows])];
}

// What to look for in a configuration: what the cure book says, or what is good for any.
const configurations = ({ advice }, general) =>
  (advice.length > 0 ? advice.map(adviceText) : general ? [general.text] : []);

// What is to be borne in mind. A path that streams may cut streams later than the longest of them was watched for.
export function notesOn({ notes, looks }) {
  const mostMs = Math.max(...looks.flatMap(({ streams }) => streams).map(lastsMs), 0);
  const later = `no stream was watched for longer than ${span(mostMs * 1000)}: what is cut later shows in the live stream`;
  return Core.doesStream(looks[0]) ? [...notes, later] : notes;
}

const holdInShort = ({ bytes, ms }) =>
  (bytes !== null ? `${bytes} B` : ms !== null ? Core.time(ms * 1000) : '–');

// Its fence keeps it as it is where Markdown is read, so that nothing of it is markup there either.
export function plainReport() {
  const parts = [
    'Do Server-Sent Events arrive in real time?', eventsUrl(''), '',
    ...(diagnosis ? [...diagnosisText(diagnosis), ''] : []),
    'LIVE STREAM', ...paragraphs(liveFacts()), '',
    'CIRCUMSTANCES', ...paragraphs(circumstances()),
  ];
  return `\`\`\`\n${visible(parts.join('\n')).replaceAll('```', "'''")}\n\`\`\`\n`;
}

const lastsMs = ({ requestedUs, endUs, samples }) =>
  Math.max(1, ((endUs ?? samples.at(-1)?.atUs ?? requestedUs) - requestedUs) / 1000);
