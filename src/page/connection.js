// What the page shows of the live stream's connection.

import { wall } from './clock.js';
import { $, get, make, put } from './dom.js';
import { tally } from './figures.js';
import { live } from './live.js';
import { origin } from './origin.js';
import { presence } from './presence.js';
import { METHODS, delaysAsked, parameters } from './query.js';
import { counted, span } from './text.js';

/** An event is overdue after this time, at least. */
const OVERDUE_LEAST_US = 1e6;
/** What takes longer than this to begin is explained. */
const PATIENCE_US = 3e6;

/** @type {Record<import('./live.js').Phase, [mark: string, text: string, since: (at: number) => string, tone: string]>} */
const PHASES = {
  opening: ['○', 'Opening', (at) => `waiting for a response for ${span(at - live.requestedUs)}`, ''],
  open: ['○', 'Open', (at) => `waiting for the first event for ${span(at - live.sinceUs)}`, 'warn'],
  receiving: ['●', 'Receiving', (at) => `last event ${span(at - (live.lastUs ?? at))} ago`, 'good'],
  reconnecting: ['▲', 'Reconnecting', (at) => `for ${span(at - live.sinceUs)}, failed attempts: ${live.failures}`, 'warn'],
  waiting: ['▲', 'No stream', (at) => `next attempt in ${span(live.retryUs - at + 999_999)}, failed so far: ${live.failures}`,
    'bad'],
  closed: ['✕', 'Closed for good', () => `at ${wall(live.sinceUs)}`, 'bad'],
  ended: ['■', 'Ended', () => `at ${wall(live.sinceUs)}`, ''],
  stopped: ['■', 'Stopped', () => `at ${wall(live.sinceUs)}`, ''],
};

/** @param {number} at */
function detail(at) {
  const { phase, sinceUs, hello, reason } = live;
  if (!navigator.onLine && !['receiving', 'ended', 'stopped'].includes(phase)) {
    return 'This device is offline. The page goes on by itself when it is back.';
  }
  if (phase === 'receiving' && hello) {
    const asked = hello.interval_ms >= 1000 ? `${hello.interval_ms / 1000} s` : `${hello.interval_ms} ms`;
    const { hiddenUs } = presence;
    const slept = hiddenUs > 0 ? ` The tab was hidden for ${span(hiddenUs)}, which isn’t judged.` : '';
    return `One event every ${asked}; ${METHODS[live.how]}; ${hello.http} at the origin.${slept}`;
  }
  const waits = (phase === 'opening' || phase === 'open') && at - sinceUs >= PATIENCE_US;
  return waits ? waitingText() : reason;
}

function waitingText() {
  if (live.phase === 'open' && origin.offset === null && origin.hasFailed) {
    return 'The response head is here, but no event: something on the path may hold it. Or, if the origin is not ours, ' +
      'its events have names: those show only with GET by fetch().';
  }
  const asked = delaysAsked().map((name) => `${name}=${parameters().get(name)}`);
  if (asked.length > 0) return `This stream was asked to begin late: ${asked.join(', ')}.`;
  return live.phase === 'open'
    ? 'The response head is here, but no event, though the origin sends one at once: something on the path may hold it.'
    : 'Not even a response head has come: something may hold it, or other tabs use up the connections.';
}

/** @param {number} at */
export function drawConnection(at) {
  const [mark, text, since, tone] = PHASES[live.phase];
  $('connection').dataset.tone = tone;
  put('state', text);
  put('since', since(at));
  put('detail', detail(at));
  get('stop', HTMLButtonElement).disabled = ['closed', 'ended', 'stopped'].includes(live.phase);
  document.title = `${mark} ${counted(tally.received, 'event')} – sse-argo-tester`;
  put('command', command());
  drawOrigin();
}

function command() {
  // What a shell reads between double quotes must not change the URL.
  const url = live.url.replace(/[!$`\\]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `curl -N ${live.how === 'post' ? '-X POST ' : ''}"${url}"`;
}

/** @type {?Record<string, any>} */
let drawn = null;

// What the origin says of the request, and its header fields.
function drawOrigin() {
  const { hello } = live;
  if (hello === null || hello === drawn) return;
  drawn = hello;
  const facts = [
    ['HTTP version', hello.http], ['Method', hello.method], ['Target', hello.target], ['Peer', hello.peer],
    ['Framing', hello.framing], ['Last-Event-ID', hello.last_event_id ?? 'none'],
  ];
  fill('request', facts);
  fill('headers', Array.isArray(hello.headers) ? hello.headers : []);
}

/**
 * @param {string} id
 * @param {unknown[][]} facts
 */
const fill = (id, facts) =>
  $(id).replaceChildren(...facts.flatMap(([name, value]) => [make('dt', String(name)), make('dd', String(value))]));

/**
 * How long an event has been overdue, counted from the last one.
 * @param {number} at
 */
export function overdueUs(at) {
  const waitUs = at - (live.lastUs ?? live.beganUs);
  return live.isConnected && waitUs > Math.max(2 * live.intervalUs, OVERDUE_LEAST_US) ? waitUs : 0;
}
