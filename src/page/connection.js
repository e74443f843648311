// @ts-nocheck
// What the page shows of the live stream's connection.

import { wall } from './clock.js';
import { $, make, put } from './dom.js';
import { tally } from './figures.js';
import { live } from './live.js';
import { origin } from './origin.js';
import { presence } from './presence.js';
import { METHODS, parameters } from './query.js';
import { counted, span } from './text.js';

const PATIENCE_US = 3_000_000;

export const PHASES = {
  opening: ['○', 'Opening', (at) => `waiting for a response for ${span(at - live.requestedUs)}`, ''],
  open: ['○', 'Open', (at) => `waiting for the first event for ${span(at - live.sinceUs)}`, 'warn'],
  receiving: ['●', 'Receiving', (at) => `last event ${span(at - live.lastUs)} ago`, 'good'],
  reconnecting: ['▲', 'Reconnecting', (at) => `for ${span(at - live.sinceUs)}, failed attempts: ${live.failures}`,
    'warn'],
  waiting: ['▲', 'No stream', (at) => `next attempt in ${span(live.retryUs - at + 999_999)}, failed so far: ${live.failures}`,
    'bad'],
  closed: ['✕', 'Closed for good', () => `at ${wall(live.sinceUs)}`, 'bad'],
  ended: ['■', 'Ended', () => `at ${wall(live.sinceUs)}`, ''],
  stopped: ['■', 'Stopped', () => `at ${wall(live.sinceUs)}`, ''],
};

function detail(at) {
  const { phase, sinceUs, hello, reason } = live;
  if (!navigator.onLine && !['receiving', 'ended', 'stopped'].includes(phase)) {
    return 'This device is offline. The page goes on by itself when it is back.';
  }
  if (phase === 'receiving' && hello) {
    const asked = hello.interval_ms >= 1000 ? `${hello.interval_ms / 1000} s` : `${hello.interval_ms} ms`;
    const slept = presence.hiddenUs > 0 ? ` The tab was hidden for ${span(presence.hiddenUs)}, which isn’t judged.` : '';
    return `One event every ${asked}; ${METHODS[live.how]}; ${hello.http} at the origin.${slept}`;
  }
  const waits = (phase === 'opening' || phase === 'open') && at - sinceUs >= PATIENCE_US;
  return waits ? waitingText() : reason;
}

function waitingText() {
  const given = parameters();
  if (live.phase === 'open' && origin.offset === null && origin.hasFailed) {
    return 'The response head is here, but no event: something on the path may hold it. Or, if the origin is not ours, ' +
      'its events have names: those show only with GET by fetch().';
  }
  const asked = ['head_delay', 'delay'].filter((name) => given.has(name)).map((name) => `${name}=${given.get(name)}`);
  if (asked.length) return `This stream was asked to begin late: ${asked.join(', ')}.`;
  return live.phase === 'open'
    ? 'The response head is here, but no event, though the origin sends one at once: something on the path may hold it.'
    : 'Not even a response head has come: something may hold it, or other tabs use up the connections.';
}

// What the origin tells of the request, and its header fields.
export const requestFacts = ({ http, method, target, peer, framing, last_event_id: resumed }) => [
  ['HTTP version', http], ['Method', method], ['Target', target], ['Peer', peer], ['Framing', framing],
  ['Last-Event-ID', resumed ?? 'none'],
];
export const requestFields = ({ headers }) => (Array.isArray(headers) ? headers : []);

let shown = null;

function showOrigin(hello) {
  if (hello === null) return;
  const pair = ([name, value]) => [make('dt', String(name)), make('dd', String(value))];
  $('request').replaceChildren(...requestFacts(hello).flatMap(pair));
  $('headers').replaceChildren(...requestFields(hello).flatMap(pair));
}

export function drawConnection(at) {
  const [mark, text, since, tone] = PHASES[live.phase];
  $('connection').dataset.tone = tone;
  put('state', text);
  put('since', since(at));
  put('detail', detail(at));
  $('stop').disabled = ['closed', 'ended', 'stopped'].includes(live.phase);
  document.title = `${mark} ${counted(tally.received, 'event')} – sse-argo-tester`;
  showCommand();
  if (live.hello !== shown) showOrigin((shown = live.hello) ?? null);
}

function showCommand() {
  // What a shell reads between double quotes must not change the URL.
  const url = live.url.replace(/[!$`\\]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  put('command', `curl -N ${live.how === 'post' ? '-X POST ' : ''}"${url}"`);
}

/** How long an event has been overdue, counted from the last one. */
export function waitingUs(at) {
  if (!['opening', 'open', 'receiving'].includes(live.phase)) return 0;
  const since = live.lastUs ?? live.begunUs;
  return at - since > Math.max(2 * live.recorder.spec.intervalUs, 1e6) ? at - since : 0;
}
