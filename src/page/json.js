// @ts-nocheck
// What was seen, as JSON.

import './core.js';
import { unixMs } from './clock.js';
import { inconclusive } from './case.js';
import { tally } from './figures.js';
import { live } from './live.js';
import { holdSeen } from './matrix.js';
import { protocolName } from './origin.js';
import { book } from './products.js';
import { eventsUrl } from './query.js';
import { liveSummaries } from './verdict.js';

// What lets somebody in is left out of whatever is passed on: credentials in URLs, and values of what is called like
// this. Of the request's header fields the origin itself hides them.
const SECRET = 'api[-_]?key|assertion|auth|cookie|credential|csrf|jwt|passw|secret|session|signature|ticket|token|xsrf';
const SECRET_NAME = new RegExp(SECRET, 'i');
const PART = '[^\\s"\'<>=&#]*';
const SECRET_VALUE = new RegExp(`([?&](?:${PART}(?:${SECRET})${PART}|key|sig|pass|pwd)=)[^\\s"'<>&#]+`, 'gi');
export const hushed = (text) => text.replace(/(:\/\/)[^\s"'<>/?#]*@/g, '$1').replace(SECRET_VALUE, '$1***');
// What would reorder text, or is no text at all, shows by its number.
export const visible = (text) => hushed(text).replace(
  /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
  (c) => `\\u{${c.charCodeAt(0).toString(16)}}`,
);

export const rounded = (ms) => (ms === null ? null : Math.round(ms * 1000) / 1000);
const roundedAll = (object) =>
  object && Object.fromEntries(Object.entries(object).map(([name, ms]) => [name, rounded(ms)]));
const endJson = (how, afterUs) =>
  ({ how, after_s: afterUs === null || how === 'none' ? null : rounded(afterUs / 1e6) });
const lagJson = (stream) => roundedAll(stream?.lag ?? null);
const gapJson = (stream) => roundedAll(stream?.gap ?? { p50: 0, p99: 0, max: 0 });

function streamJson(stream) {
  const { spec, counts, bytes, bursts, end, endUs, requestedUs } = stream;
  const afterUs = endUs === null ? null : endUs - requestedUs;
  return {
    name: spec.name, interval_ms: rounded(spec.intervalUs / 1000), size: spec.size, events: counts, bytes,
    lag_ms: lagJson(stream), gap_ms: gapJson(stream), bursts, end: endJson(end, afterUs),
  };
}

function responseJson({ status, headers }) {
  const value = (name) => headers.find(([other]) => other === name)?.[1] ?? null;
  return {
    status, http: protocolName(), content_type: value('content-type'),
    content_encoding: value('content-encoding'),
    headers: headers.map(([name, value]) => [name, SECRET_NAME.test(name) ? `<${value.length} bytes>` : value]),
    redirects: [],
  };
}

// The live stream, with the names of `probe --json`; what a page can't know is null. Its events are all that came, while
// lags, gaps and the end are those of the newest record.
export function liveJson() {
  const [[stream], known] = liveSummaries();
  const { url, how, response, hello, headUs, firstByteUs } = live;
  const verdict = live.verdict ?? inconclusive('too few events arrived to judge by');
  const [took, isForeign] = [(us) => (us === null ? null : rounded(us / 1000)), stream.origin === 'foreign'];
  const clockMs = known?.isMeasured
    ? { offset_ms: rounded(known.offsetUs / 1000 - unixMs(0)), error_ms: rounded(known.errorUs / 1000) }
    : null;
  const { missing, repeated } = isForeign ? { missing: 0, repeated: 0 } : tally;
  return {
    schema: 1, url, method: how === 'post' ? 'POST' : 'GET', verdict: verdict.verdict,
    ok: verdict.verdict === 'real-time', summary: verdict.summary, hold: holdSeen(how, verdict.hold),
    timing_ms: {
      dns: null, connect: null, tls: null, head: took(headUs), first_byte: took(firstByteUs),
      first_event: took(tally.firstUs),
    },
    lag_ms: lagJson(stream), clock: clockMs, gap_ms: gapJson(stream), bursts: stream.bursts,
    events: { ...stream.counts, received: tally.received, missing, duplicated: repeated },
    bytes: stream.bytes, end: endJson(...Core.ending([stream])),
    response: response && responseJson(response), origin_saw: hello,
    hop: Core.hopOf(response?.headers ?? [], hello, book), against: null,
    findings: verdict.findings, streams: [streamJson(stream)],
  };
}

// With the names of `diagnose --json`.
export function diagnosisJson({ cause, looks, remedies, smallest, hop, advice, idleCutS, lifetimeCutS, notes, tookUs }) {
  const [{ verdict: plain }] = looks;
  return {
    schema: 1, url: eventsUrl(''), verdict: plain.verdict, ok: plain.verdict === 'real-time', summary: plain.summary,
    hold: plain.hold, cause,
    variants: looks.map(({ variant, query, how, verdict, again }) => ({
      id: variant.id(), query, request_headers: [], method: how === 'post' ? 'POST' : 'GET', verdict: verdict.verdict,
      hold: verdict.hold, summary: verdict.summary, again: again?.verdict.verdict ?? null,
    })),
    cures: remedies.map(({ id, place, works, text }) => ({ id, where: place, works, text })),
    smallest_cure: smallest, idle_cut_s: rounded(idleCutS), lifetime_cut_s: rounded(lifetimeCutS), disconnect_ms: null,
    hop, advice, notes, endurance: null, against: null, difference: null, took_s: rounded(tookUs / 1e6),
  };
}

export const asJson = (value) =>
  JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? hushed(inner) : inner), 2);

