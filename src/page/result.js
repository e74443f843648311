// What a diagnosis came to, as the program says.

import { $, make } from './dom.js';
import { METHODS } from './query.js';
import { millis, sentence } from './text.js';
import { toneOf } from './verdict.js';

/**
 * The answer of `diagnose --json`, as far as it shows.
 * @typedef {object} Diagnosis
 * @property {string} verdict
 * @property {string} summary
 * @property {?{id: string, text: string}} cause
 * @property {Variant[]} variants
 * @property {Cure[]} cures
 * @property {?string} smallest_cure
 * @property {?{name: string, evidence: string[]}} hop
 * @property {Advice[]} advice
 * @property {string[]} notes
 * @property {{looks: Seen[]}} progress
 *
 * @typedef {{variant: string, role: string, verdict: string}} Seen what came of a look
 *
 * @typedef {object} Variant
 * @property {string} id
 * @property {string} method
 * @property {string} verdict
 * @property {{kind: string, bytes: ?number, ms: ?number}} hold
 * @property {?string} again the verdict of a second look
 * @property {?number} [first_event_ms]
 * @property {?{p50: number, max: number}} [lag_ms]
 *
 * @typedef {object} Cure
 * @property {string} id
 * @property {'origin'|'client'|'proxy-config'} where
 * @property {?boolean} works
 * @property {string} text
 *
 * @typedef {object} Advice
 * @property {string} product
 * @property {boolean} is_seen
 * @property {string} why
 * @property {string} where
 * @property {string[]} lines
 * @property {?string} text
 * @property {{versions: ?string, url: ?string, checked: string}} source
 */

const EVENT_SOURCE = 'plain, EventSource';
/** Of streams that are quiet it is only said whether they were cut. */
const QUIET = ['quiet', 'heartbeat'];
const WHERE = {
  origin: 'the origin, or what is in front of it, sends', client: 'the client sends', 'proxy-config': 'in between is set',
};

/**
 * What a look is called. Everything that a page can change has many names.
 * @param {{variant: string, role: string}} look
 */
export function nameOf({ variant, role }) {
  if (role === 'eventsource') return EVENT_SOURCE;
  if (variant.split('+').length <= 2) return variant;
  return variant.includes('close-framing') ? 'everything-close' : 'everything';
}

/**
 * @param {string} variant
 * @param {string} verdict
 */
export const wordOf = (variant, verdict) => (QUIET.includes(variant) && verdict === 'inconclusive' ? 'not cut' : verdict);

/** @param {string} verdict */
export const badge = (verdict) => make('span', verdict, { class: 'badge', 'data-tone': toneOf(verdict) });

/** @param {string} text */
const line = (text) => make('pre', text, { class: 'line' });
/** @param {string} text */
const muted = (text) => make('p', text, { class: 'muted' });
/**
 * @param {string} label
 * @param {(string | Node)[]} content
 */
const labelled = (label, ...content) => make('p', [make('strong', label), ': ', ...content]);
/**
 * @param {string} title
 * @param {(string | Node | (string | Node)[])[]} items
 */
const listed = (title, items) =>
  (items.length === 0 ? [] : [make('h3', title), make('ul', items.map((item) => make('li', item)))]);

/** @param {Diagnosis} found */
export function showResult(found) {
  $('found').replaceChildren(
    make('p', [badge(found.verdict), ` ${sentence(found.summary)}`]),
    ...(found.cause ? [labelled('Cause', make('code', found.cause.id), `: ${sentence(found.cause.text)}`)] : []),
    ...help(found),
    ...listed('Notes', found.notes.map(sentence)),
    matrix(found),
  );
}

/**
 * What helps, what doesn't, and what to type where.
 * @param {Diagnosis} found
 */
function help({ verdict, cures, smallest_cure: smallest, hop, advice }) {
  const cure = cures.find(({ id }) => id === smallest);
  const general = advice.length > 0 ? undefined : cures.find(({ id }) => id === 'proxy-config');
  /** @param {?boolean} works */
  const others = (works) => cures.filter((one) => one.works === works && one.id !== smallest && one.id !== 'proxy-config');
  /** @param {Cure[]} some */
  const texts = (some) => some.map(({ id, text }) => [make('code', id), ` ${text}`]);
  const fails = others(false);
  const none = verdict === 'real-time' ? 'none is needed.' : 'none was found in what a page can try.';
  return [
    cure ? labelled('Smallest cure', make('code', cure.id), `: ${WHERE[cure.where]}`) : labelled('Smallest cure', none),
    ...(cure ? [line(cure.text)] : []),
    ...advice.flatMap((one) => configuration(cure ? 'Or in the configuration' : 'To try', one)),
    ...(general ? [labelled(cure ? 'Or' : 'To try', sentence(general.text))] : []),
    ...(hop ? [labelled('In between', `${hop.name} (${hop.evidence.join('; ')})`)] : []),
    ...listed('Works as well', texts(others(true))), ...listed('Not known', texts(others(null))),
    ...(fails.length > 0 ? [labelled('Doesn’t help', fails.map(({ id }) => id).join(', '))] : []),
  ];
}

/**
 * @param {string} label
 * @param {Advice} advice
 */
function configuration(label, { product, is_seen: isSeen, where, lines, text, why, source }) {
  const { versions, url, checked } = source;
  const measured = [versions ? `measured with ${versions}` : url, checked].filter(Boolean).join(', ');
  return [
    labelled(label, `${product}${isSeen ? '' : ' (what else does just this)'}, ${where}`), ...lines.map(line),
    ...(text ? [muted(sentence(text))] : []), muted(sentence(`${why}; ${measured}`)),
  ];
}

/** @param {Diagnosis} found */
function matrix({ variants, progress }) {
  const columns = [['Variant'], ['Request', 'wide'], ['Verdict'], ['Hold', 'wide'], ['First event', 'wide number'],
    ['Median lag', 'number'], ['Max lag', 'wide number']];
  /** @param {string} [kind] */
  const kindOf = (kind) => (kind ? { class: kind } : undefined);
  const heads = columns.map(([text, kind]) => make('th', text, { scope: 'col', ...kindOf(kind) }));
  const [plain, ...others] = variants.map((variant) => cellsOf(variant, 'main'));
  const bySource = progress.looks.filter(({ role }) => role === 'eventsource').map(cellsOfLook);
  const rows = [plain, ...bySource, ...others].map((texts) =>
    make('tr', columns.map(([, kind], n) => make('td', texts[n], kindOf(kind)))));
  return make('table', [make('caption', 'Every variant, as it was asked for', { class: 'muted' }),
    make('thead', make('tr', heads)), make('tbody', rows)]);
}

/** @typedef {(string | (string | Node)[])[]} Cells */

/**
 * @param {Variant} variant
 * @param {string} role
 * @returns {Cells}
 */
function cellsOf({ id, method, verdict, hold, again, first_event_ms: first, lag_ms: lag }, role) {
  // What doesn't stream is called otherwise when it is looked at for less time.
  const isOther = again !== null && [verdict, again].includes('real-time');
  const second = again === verdict ? ', twice' : isOther ? `, then ${again}` : '';
  return [
    [make('code', nameOf({ variant: id, role }))], METHODS[method === 'POST' ? 'post' : 'fetch'],
    [badge(wordOf(id, verdict)), second], holdText(hold), millisOf(first), millisOf(lag?.p50), millisOf(lag?.max),
  ];
}

/**
 * @param {Seen} look
 * @returns {Cells}
 */
const cellsOfLook = (look) =>
  [[make('code', nameOf(look))], METHODS.eventsource, [badge(look.verdict)], '', '–', '–', '–'];

/** @param {?number} [ms] */
const millisOf = (ms) => millis(ms === null || ms === undefined ? null : ms * 1000);

/** @param {Variant['hold']} hold */
function holdText({ kind, bytes, ms }) {
  if (kind === 'none' || kind === 'unknown') return '';
  return [kind, bytes === null ? '' : `${bytes} bytes`, ms === null ? '' : millisOf(ms)].filter(Boolean).join(', ');
}
