// @ts-nocheck
// The live stream: how it is opened, read, lost and opened again.

import './core.js';
import { askForFrame, chartChanged } from './chart.js';
import { limit, nowUs, seeJump, wall } from './clock.js';
import { clearTally, countEvent, countLag, numberAnew, tally } from './figures.js';
import { addEvent, addNote, listedEvents, redrawList } from './list.js';
import { compareClocks, doubtClocks, lagOf, origin } from './origin.js';
import { isAway, presence } from './presence.js';
import { clockKnown } from './products.js';
import { METHODS, beside, durationUs, eventsUrl, method, parameters, streamQuery } from './query.js';
import { addToSeries, amendSeries, clearSeries, markLoss } from './series.js';
import { headOf, headersFor, readByFetch, refusal, unreachable, whatOf } from './streams.js';
import { counted, millis, parsed, sentence } from './text.js';

const { Recorder, Verdict, WITHIN_US } = Core;

export const liveUrl = () => eventsUrl(streamQuery());

export let live = null;

export const specOf = (intervalUs) =>
  ({ name: 'S', intervalUs: Math.max(Math.round(intervalUs), 1000), size: 0, count: null });

export function start() {
  if (isHeldBack) return;
  live?.close?.();
  clearTimeout(live?.timer);
  const at = nowUs();
  clearTally();
  clearSeries(at);
  askForFrame();
  live = {
    url: liveUrl(), how: method(), begunUs: at, lastUs: null, lastId: '', hello: null, failures: 0, lostUs: null,
    lump: null, verdict: null, judgedUs: 0, finding: null, close: null, timer: null, phase: 'opening', sinceUs: at,
    reason: '', isOpened: false, lastSentUs: null, lastLagUs: null, firstByteUs: null, retryMs: RETRY_LEAST_MS,
    cutUs: null, saidUs: 0, response: null, headUs: null,
  };
  addNote(at, `opening ${live.url}, ${METHODS[live.how]}`);
    open();
  compareClocks(replay);
  changed();
}

export function open() {
  const at = nowUs();
  enter(live.failures > 0 || live.lostUs !== null ? 'reconnecting' : 'opening', at, live.reason);
  Object.assign(live, { requestedUs: at, lump: null });
  // What came before is judged until this is answered.
  if (!live.recorder) record(at, specOf(durationUs(parameters().get('interval'))));
  if (live.how === 'eventsource') openEventSource(live);
  else openFetch(live);
}

// Begins a record of the live stream. Bytes count from here on, and what was sent before fromUs came before.
export function record(fromUs, spec = live.recorder.spec, isContinued = false) {
  Object.assign(live, {
    recorder: new Recorder(spec, isContinued ? live.recorder.origin : 'ours', fromUs),
    recordedUs: nowUs(), isContinued, clock: clockKnown(), length: 0, startsAt: live.end ?? 0,
    // How the connection began stays true.
    begun: isContinued && live.verdict?.verdict === 'late-start' ? live.verdict : null,
  });
}

const INSPECT_MS = 10_000;
const RETRY_LEAST_MS = 1000;
const RETRY_MOST_MS = 60_000;
const FEW = 5;
const RECORD_US = 300e6;
const MOVED_US = 25_000;

// Begins a record in the middle of a stream: what is older may be longer ago than anybody asks for, or from when a clock
// was another one.
export function recordAnew(at) {
  if (live.phase !== 'receiving') return;
  // What comes from now on was sent after what came last. How long ago that was is not known with a clock in doubt.
  const sentUs = live.lastSentUs === null || clockKnown() === null ? at : clockKnown().toProbe(live.lastSentUs);
  record(origin.isInDoubt ? 0 : Math.min(sentUs, at), live.recorder.spec, true);
}

export function renewRecord(at) {
  live.clock ??= clockKnown();
  const { recorder, clock: then, lastLagUs } = live;
  const hasMoved = then !== null &&
    Math.abs(clockKnown().offsetUs - then.offsetUs) > MOVED_US + clockKnown().errorUs + then.errorUs;
  // Not in the middle of a hold, of which it would miss the beginning.
  const isCalm = ['real-time', 'late-start'].includes(live.verdict?.verdict) &&
    (recorder.origin === 'foreign' || (lastLagUs !== null && lastLagUs <= WITHIN_US));
  const isOld = isCalm && recorder.received >= FEW && at - live.recordedUs > RECORD_US;
  if (hasMoved || isOld) recordAnew(at);
}

function openEventSource(here) {
  if (here.lastId) {
    addNote(nowUs(), 'the browser gave up: a new EventSource sends no Last-Event-ID, so that numbers begin anew');
    here.lastId = '';
    numberAnew();
  }
  const source = new EventSource(here.url);
  here.close = () => source.close();
  const hear = (event) => {
    const at = nowUs();
    if (here !== live) return;
    // Events of a stream may be called "open" or "error", too.
    if (event instanceof MessageEvent) {
      const { type, data, lastEventId: id } = event;
      const start = here.length;
      here.length += data.length + id.length + 14;
      here.firstByteUs ??= at - here.begunUs;
      here.recorder.read(at, here.length);
      receive({ type, data, id, start, end: here.length }, at);
    } else if (event.type === 'open') {
      // When the browser asked again is not known, but it was answered now.
      if (here.isOpened) here.requestedUs = at;
      opened(at);
    } else if (source.readyState === EventSource.CLOSED) closedForGood(here, at);
    else lost(at, 'the browser tries again by itself', 'truncated');
  };
  const names = new Set(['open', 'error', 'hello', 'message', parameters().get('event')]);
  for (const name of names) if (name) source.addEventListener(name, hear);
}

async function openFetch(here) {
  const abort = new AbortController();
  here.close = () => abort.abort();
  let at = nowUs();
  const isLive = () => here === live && !abort.signal.aborted;
  Object.assign(here, { end: 0, startsAt: 0 });
  const on = {
    head: (response, at, finding) => {
      if (!isLive()) return;
      here.response = headOf(response);
      if (finding === null) opened(at);
    },
    read: (readUs, length) => {
      if (!isLive()) return;
      at = readUs;
      here.end = length;
      here.firstByteUs ??= at - here.begunUs;
      here.recorder.read(at, length - here.startsAt);
    },
    event: ({ start, end, ...event }) =>
      isLive() && receive({ ...event, start: start - here.startsAt, end: end - here.startsAt }, at),
    comment: (end) => isLive() && here.recorder.comment(end - here.startsAt),
    retry: (ms) => { if (isLive()) here.retryMs = clampRetry(ms); },
    undecodable: () => isLive() && here.recorder.undecodable(),
  };
  const { finding, how } =
    await readByFetch(here.url, here.how, here.lastId, abort.signal, on, parameters().has('type'));
  if (!isLive()) return;
  if (finding) return refused(here, finding);
  lost(nowUs(), 'the page tries again', how);
  again(here);
}

const clampRetry = (ms) => Math.max(RETRY_LEAST_MS, Math.min(ms, RETRY_MOST_MS));

// What a browser's EventSource doesn't do: trying again, ever later, whatever the answer was.
function again(here) {
  const ms = clampRetry(here.retryMs * 2 ** here.failures);
  here.retryUs = nowUs() + ms * 1000;
  here.timer = setTimeout(() => here === live && here.phase === 'waiting' && open(), ms);
  enter('waiting', nowUs(), here.reason);
  changed();
}

export function enter(phase, at, reason = '') {
  if (live.phase !== phase) live.sinceUs = at;
  Object.assign(live, { phase, reason });
}

function opened(at) {
  // A browser asked again at some time since the stream was lost.
  record(Math.min(live.requestedUs, live.lostUs ?? Infinity));
  if (live.isOpened) tally.reconnects++;
  addNote(at, live.lostUs === null
    ? `open: the response head came after ${millis(at - live.begunUs)}`
    : `open again after ${millis(at - live.lostUs)}, failed attempts: ${live.failures}`);
  if (live.lostUs !== null) compareClocks(replay);
  else live.headUs = at - live.begunUs;
  Object.assign(live, { isOpened: true, lostUs: null, failures: 0, finding: null });
  enter('open', at);
}

function lost(at, next, how) {
  if (live.lostUs !== null) {
    live.failures++;
    return;
  }
  live.recorder.end(how, at);
  const what = live.isOpened ? 'the stream ended or was cut' : 'no connection';
  live.lostUs = at;
  markLoss(at);
  askForFrame();
  addNote(at, `${what}; ${next}`, true);
  enter('reconnecting', at, `At ${wall(at)} ${what}; ${next}.`);
  if (live.hello) whoEndedIt(live, at);
}

// What the origin saw of the end: that it meant to end it, or that its client went away.
async function whoEndedIt(here, at) {
  const lifeUs = at - here.requestedUs;
  const url = beside(`streams/${encodeURIComponent(here.hello.id)}`);
  const { recorder } = here;
  const report = await fetch(url, { cache: 'no-store', signal: limit(5000) })
    .then((response) => response.json()).catch(() => null);
  if (here !== live || report === null) return;
  const after = Core.time(lifeUs);
  const { state, ended_by: by } = report;
  const isPath = state === 'open' || by === 'client' || by === 'error';
  // By an EventSource both ends look the same.
  if (!isPath && by !== 'abort') recorder.end('clean', at);
  if (isPath && isAway(at)) {
    addNote(nowUs(), 'this tab was hidden, or the device offline or asleep, shortly before: that it ended is not judged');
    return;
  }
  const said = isPath
    ? `the path cut it: ${state === 'open' ? 'the origin still sends' : 'to the origin, its client went away'}`
    : `the origin ended it: ${by}`;
  addNote(nowUs(), said, isPath);
  if (!isPath) return;
  const summary = `the path ended the stream after ${after}, ${counted(tally.received, 'event')} in`;
  here.verdict = new Verdict('cut', Core.holdOf('none'), summary, [Core.finding('cut-truncated', said)]);
  here.cutUs = lifeUs;
  here.judgedUs = 0;
}

async function closedForGood(here, at) {
  if (here.failures === 0) addNote(at, 'closed: the browser does not try again by itself', true);
  enter('closed', at, 'Asking the same URL once for the reason.');
  const abort = new AbortController();
  here.close = () => abort.abort();
  const finding = await inspect(here, abort);
  // Somebody may have stopped it meanwhile.
  if (here === live && here.phase === 'closed') refused(here, finding);
}

// The URL answers with something else than a stream, unless that has ended.
function refused(here, finding) {
  if (finding?.id !== 'no-content' || !here.isOpened) return failedWith(here, finding);
  const at = nowUs();
  addNote(at, 'the origin has no more events, and says so: 204');
  here.judgedUs = 0;
  enter('ended', at, 'The origin has no more events for this stream, and none are asked for.');
  changed();
}

/** What the URL answers to one plain request, since an EventSource does not tell why it closed. */
async function inspect(here, abort) {
  const timer = setTimeout(() => abort.abort(), INSPECT_MS);
  try {
    const response = await fetch(here.url, { headers: headersFor(here.lastId), cache: 'no-store', signal: abort.signal });
    here.response = headOf(response);
    return await refusal(response, here.url);
  } catch (error) {
    return unreachable(abort.signal.aborted ? new Error(`none within ${INSPECT_MS / 1000} s`) : error);
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

// There is no stream. What may pass is tried again.
function failedWith(here, finding) {
  const at = nowUs();
  here.finding = finding;
  here.reason = finding === null ? 'Asked again, the URL answers with an event stream.' : sentence(finding.text);
  if (here.failures === 0) addNote(at, here.reason, true);
  here.lostUs ??= at;
  here.failures++;
  const passes = finding === null || ['no-answer', 'too-many-requests', 'bad-gateway', 'unavailable', 'gateway-timeout',
    'server-error', 'tunnel-down'].includes(finding.id);
  if (passes) again(here);
  else enter('closed', at, here.reason);
  changed();
}

function receive({ type, data, id, start, end }, at) {
  watchDevice();
  const what = whatOf(live.recorder, clockKnown() !== null, data, id);
  tally.isNumbered = live.recorder.origin === 'ours';
  const isHello = what.kind === 'hello';
  const sentUs = what.sentUs ?? null;
  if (isHello) greet(parsed(data), at);
  // After a reconnect a named stream first repeats what was sent meanwhile: that is no lag of this path.
  const isReplayed = sentUs !== null && !isHello && live.hello?.last_event_id != null && sentUs < live.hello.sent_us;
  tally.firstUs ??= at - live.begunUs;
  live.lastUs = at;
  const lagUs = isReplayed ? null : lagOf(sentUs, at);
  if (!isReplayed) live.recorder.event(what, start, end);
  if (!isHello) count(what.seq, id);
  Object.assign(live, { lastSentUs: sentUs, lastLagUs: lagUs });
  if (lagUs !== null) countLag(lagUs);
  addToSeries(at, lagUs);
  chartChanged();
  seeLump(at, lagUs);
  addEvent({ id: isHello ? '–' : id, kind: isReplayed ? `${type}, replayed` : type, sentUs, at, isReplayed });
  if (live.phase !== 'receiving') enter('receiving', at);
}

function count(seq, id) {
  live.lastId = id;
  countEvent(Number.isSafeInteger(seq) ? seq : null);
}

// What was held comes at once: that is told once a lump.
function seeLump(at, lagUs) {
  const isTogether = live.lump !== null && at - live.lump.at < Core.LUMP_GAP_US;
  if (!isTogether) {
    tellLump();
    live.lump = { at, from: at, count: 0, lagUs: 0 };
  }
  live.lump.at = at;
  live.lump.count++;
  live.lump.lagUs = Math.max(live.lump.lagUs, lagUs ?? 0);
}

export function tellLump() {
  const { lump } = live;
  if (lump === null || lump.isTold) return;
  lump.isTold = true;
  if (lump.count < 3 || lump.lagUs < 1e6) return;
  addNote(lump.from, `${lump.count} events came at once, the oldest held for ${Core.time(lump.lagUs)}`, true);
}

function greet(hello, at) {
  const resumed = String(hello.last_event_id ?? 'none');
  if (live.lastId && resumed !== live.lastId) {
    addNote(at, `Last-Event-ID was ${live.lastId} here, but ${resumed} at the origin`, true);
    if (hello.last_event_id == null) numberAnew();
  }
  live.hello = hello;
  if (hello.interval_ms > 0) live.recorder.spec = specOf(hello.interval_ms * 1000);
}


/** A diagnosis needs the connections: nothing starts meanwhile. */
let isHeldBack = false;

export function holdBack(note) {
  stop(note);
  isHeldBack = true;
}

export function goOn() {
  isHeldBack = false;
  start();
}

export function stop(note = 'stopped') {
  const at = nowUs();
  live.close?.();
  clearTimeout(live.timer);
  if (['opening', 'open', 'receiving'].includes(live.phase)) live.recorder.end('ours', at);
  enter('stopped', at);
  addNote(at, note);
  changed();
}

/** Tries again at once what would be tried again later. */
export function retryNow() {
  if (isHeldBack || !['waiting', 'closed'].includes(live.phase)) return;
  clearTimeout(live.timer);
  open();
}

// Once the clock is known, so are the lags of what came before.
export function replay() {
  for (const { sentUs, at, isReplayed } of listedEvents()) {
    if (sentUs === null || isReplayed) continue;
    const lagUs = lagOf(sentUs, at);
    countLag(lagUs);
    amendSeries(at, lagUs);
  }
  redrawList();
}

/** Looks whether this device slept, or its clock was set: the origin's clock relates to it in another way then. */
export function watchDevice() {
  if (!seeJump()) return;
  const at = nowUs();
  addNote(at, 'this device slept, or its clock was set: how the origin’s clock relates to it is found out again');
  presence.awayUs = at;
  if (origin.offset === null) return;
  doubtClocks(replay);
  recordAnew(at);
}

// What is called when something has changed that shows.
let changed = () => {};

export function whenChanged(show) {
  changed = show;
}

/** Says of a lump that is over how large it was. */
export function endLump(at) {
  if (live.lump !== null && at - live.lump.at > Core.LUMP_GAP_US) tellLump();
}
