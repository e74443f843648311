// How the live stream is opened, lost and opened again.

import { receive, seeClock } from './arrivals.js';
import { askForFrame } from './chart.js';
import { limit, nowUs, wall } from './clock.js';
import { clearTally, numberAnew, tally } from './figures.js';
import { addNote } from './list.js';
import { RETRY_LEAST_MS, beginLive, changed, enter, live, record } from './live.js';
import { compareClocks } from './origin.js';
import { isAway } from './presence.js';
import { METHODS, durationUs, parameters } from './query.js';
import { clearSeries, markLoss } from './series.js';
import { statusOf } from './status.js';
import { headersFor, readByFetch, recordFailure, recordHead, recordMessage } from './streams.js';
import { millis } from './text.js';

/**
 * @typedef {import('./live.js').Live} Live
 * @typedef {import('./recording.js').Recording} Recording
 */

const INSPECT_MS = 10_000;
const RETRY_MOST_MS = 60_000;
/** What browsers wait before they ask again, unless the stream says otherwise; and they may be early by so much. */
const RETRY_BY_BROWSER_US = 3e6;
const RETRY_EARLY_US = 50_000;

/** A diagnosis needs the connections: nothing starts meanwhile. */
let isHeldBack = false;

/** Begins anew, and counts from zero. */
export function start() {
  if (isHeldBack) return;
  live?.close();
  clearTimeout(live?.timer);
  clearTally();
  beginLive();
  clearSeries(live.beganUs);
  askForFrame();
  addNote(live.beganUs, `opening ${live.url}, ${METHODS[live.how]}`);
  open();
  compareClocks(seeClock);
  changed();
}

/** @param {string} note */
export function stop(note = 'stopped') {
  live.close();
  clearTimeout(live.timer);
  if (live.isConnected) live.recording.end('ours');
  enter('stopped');
  addNote(nowUs(), note);
  changed();
}

/** @param {string} note */
export function holdBack(note) {
  stop(note);
  isHeldBack = true;
}

export function goOn() {
  isHeldBack = false;
  start();
}

/** Tries again at once what would be tried again later. */
export function retryNow() {
  if (isHeldBack || !['waiting', 'closed'].includes(live.phase)) return;
  clearTimeout(live.timer);
  open();
}

function open() {
  enter(live.lostUs === null ? 'opening' : 'reconnecting', live.reason);
  live.requestedUs = nowUs();
  record();
  if (live.how === 'eventsource') openEventSource(live);
  else openFetch(live);
}

/** @param {Live} here */
function openEventSource(here) {
  if (here.lastId) {
    addNote(nowUs(), 'the browser gave up: a new EventSource sends no Last-Event-ID, so that numbers begin anew');
    here.lastId = '';
    numberAnew();
  }
  const source = new EventSource(here.url);
  let length = 0;
  here.close = () => source.close();
  /** @param {Event} event */
  const hear = (event) => {
    if (here !== live) return;
    // Events of a stream may be called "open" or "error", too.
    if (event instanceof MessageEvent) {
      length = recordMessage(here.recording, event, length, { event: receive });
    } else if (event.type === 'open') {
      if (here.recording.head !== null) recordReopening();
      length = 0;
      here.recording.head = { at_us: nowUs() };
      opened();
    } else if (source.readyState === EventSource.CLOSED) closedForGood(here);
    else lost('the browser tries again by itself');
  };
  const names = new Set(['open', 'error', 'hello', 'message', parameters().get('event') ?? '']);
  names.delete('');
  for (const name of names) source.addEventListener(name, hear);
}

// When a browser asks again is not told: about as long after the loss as the stream says.
function recordReopening() {
  const retryUs = parameters().has('retry') ? durationUs(parameters().get('retry')) : RETRY_BY_BROWSER_US;
  const askedUs = (live.lostUs ?? nowUs()) + retryUs - RETRY_EARLY_US;
  record();
  live.recording.requestedUs = Math.min(live.recording.requestedUs, askedUs);
}

/** @param {Live} here */
async function openFetch(here) {
  const abort = new AbortController();
  const { recording } = here;
  here.close = () => abort.abort();
  const isLive = () => here === live && !abort.signal.aborted;
  const isStream = await readByFetch(recording, here.how === 'post' ? 'POST' : 'GET', here.lastId, abort.signal, {
    opened: () => isLive() && opened(),
    event: (message, stamp, at) => isLive() && receive(message, stamp, at),
    retry: (ms) => { here.retryMs = clampRetry(ms); },
  });
  if (!isLive()) return;
  if (!isStream) return refused(here);
  lost('the page tries again');
  again(here);
}

/** @param {number} ms */
const clampRetry = (ms) => Math.max(RETRY_LEAST_MS, Math.min(ms, RETRY_MOST_MS));

/**
 * What a browser's EventSource doesn't do: trying again, ever later, whatever the answer was.
 * @param {Live} here
 */
function again(here) {
  const ms = clampRetry(here.retryMs * 2 ** here.failures);
  here.retryUs = nowUs() + ms * 1000;
  here.timer = setTimeout(() => here === live && here.phase === 'waiting' && open(), ms);
  enter('waiting', here.reason);
  changed();
}

function opened() {
  const at = nowUs();
  if (live.isOpened) tally.reconnects++;
  addNote(at, live.lostUs === null
    ? `open: the response head came after ${millis(at - live.beganUs)}`
    : `open again after ${millis(at - live.lostUs)}, failed attempts: ${live.failures}`);
  if (live.lostUs !== null) compareClocks(seeClock);
  Object.assign(live, { isOpened: true, lostUs: null, failures: 0 });
  enter('open');
}

/** @param {string} next what is done about it */
function lost(next) {
  if (live.lostUs !== null) {
    live.failures++;
    live.changes++;
    return;
  }
  const at = nowUs();
  const what = live.isOpened ? 'the stream ended or was cut' : 'no connection';
  live.recording.end('truncated', at);
  live.lostUs = at;
  markLoss(at);
  askForFrame();
  addNote(at, `${what}; ${next}`, true);
  enter('reconnecting', `At ${wall(at)} ${what}; ${next}.`, at);
  if (live.hello) askWhoEndedIt(live, live.recording);
}

/**
 * Asks the origin what it saw of the end: that it meant to end it, or that its client went away.
 * @param {Live} here
 * @param {Recording} recording
 */
async function askWhoEndedIt(here, recording) {
  recording.status = await statusOf(here.hello?.id);
  if (here !== live || recording.status === null) return;
  here.changes++;
  const { state, ended_by: by } = recording.status;
  const isOnPath = state === 'open' || by === 'client' || by === 'error';
  if (isOnPath && isAway()) {
    addNote(nowUs(), 'this tab was hidden, or the device offline or asleep, shortly before: that it ended is not judged');
  } else if (isOnPath) {
    addNote(nowUs(), `the path cut it: ${state === 'open' ? 'the origin still sends' : 'to the origin, its client went away'}`, true);
  } else if (state === 'ended') addNote(nowUs(), `the origin ended it: ${by}`);
}

/** @param {Live} here */
async function closedForGood(here) {
  if (here.failures === 0) addNote(nowUs(), 'closed: the browser does not try again by itself', true);
  here.recording.end('truncated');
  enter('closed', 'Asking the same URL once for the reason.');
  const abort = new AbortController();
  here.close = () => abort.abort();
  await inspect(here, abort.signal);
  abort.abort();
  // Somebody may have stopped it meanwhile.
  if (here === live && here.phase === 'closed') refused(here);
}

/**
 * Records what the URL answers to one plain request, since an EventSource does not say why it closed.
 * @param {Live} here
 * @param {AbortSignal} signal
 */
async function inspect(here, signal) {
  if (here.recording.head !== null) record();
  const { recording } = here;
  try {
    const options = { headers: headersFor(here.lastId), signal: limit(INSPECT_MS, signal) };
    await recordHead(recording, await fetch(here.url, { cache: 'no-store', ...options }), here.url);
  } catch (error) {
    recordFailure(recording, String(/** @type {Error} */ (error).message));
  }
}

/**
 * The URL answers with something else than a stream. What may pass is tried again.
 * @param {Live} here
 */
function refused(here) {
  const { head, beginning, failure } = here.recording;
  const status = head?.status ?? 0;
  const at = nowUs();
  if (status === 204 && here.isOpened) {
    addNote(at, 'the origin has no more events, and says so: 204');
    enter('ended', 'The origin has no more events for this stream, and none are asked for.');
    return changed();
  }
  const isStream = failure === null && beginning === null;
  const why = isStream ? 'asked again, the URL answers with an event stream'
    : failure?.text ?? `the answer is not an event stream: status ${status}, ${typeOf(head)}`;
  if (here.failures === 0) addNote(at, why, true);
  here.reason = `${why[0].toUpperCase()}${why.slice(1)}.`;
  here.lostUs ??= at;
  here.failures++;
  if (isStream || failure !== null || status === 429 || status >= 500) again(here);
  else enter('closed', here.reason);
  changed();
}

/** @param {?import('./recording.js').Head} head */
const typeOf = (head) => head?.headers?.find(([name]) => name === 'content-type')?.[1] ?? 'no content type';
