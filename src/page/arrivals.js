// What comes on the live stream: it is counted, listed and drawn.

import { chartChanged } from './chart.js';
import { nowUs, seeJump } from './clock.js';
import { countEvent, countLag, numberAnew, tally } from './figures.js';
import { addEvent, addNote, listedEvents, redrawList } from './list.js';
import { enter, live } from './live.js';
import { doubtClocks, lagOf, origin } from './origin.js';
import { seeSleep } from './presence.js';
import { addToSeries, amendSeries } from './series.js';
import { isReplay } from './streams.js';

/**
 * @typedef {import('./decoder.js').Message} Message
 * @typedef {import('./stamp.js').Stamp} Stamp
 */

/** A clock that differs by more than this from what it was has been set, or drifts. */
const MOVED_US = 25_000;

/**
 * @param {Message} message
 * @param {Stamp} stamp
 * @param {number} at
 */
export function receive({ type, data, id }, { number, sentUs }, at) {
  watchDevice();
  const isHello = type === 'hello' && number === 0 && sentUs !== null;
  if (isHello) greet(live.recording.hello ?? {}, at);
  const isReplayed = isReplay(live.recording.hello, sentUs);
  tally.isNumbered = sentUs !== null || origin.offset !== null;
  tally.firstUs ??= at - live.beganUs;
  live.lastUs = at;
  live.changes++;
  if (!isHello) {
    live.lastId = id;
    countEvent(sentUs === null ? null : number);
  }
  const lagUs = isReplayed ? null : lagOf(sentUs, at);
  if (lagUs !== null) countLag(lagUs);
  addToSeries(at, lagUs);
  chartChanged();
  live.lumps.see(at, lagUs);
  addEvent({ id: isHello ? '–' : id, kind: isReplayed ? `${type}, replayed` : type, sentUs, at, isReplayed });
  if (live.phase !== 'receiving') enter('receiving', '', at);
}

/**
 * @param {Record<string, any>} hello
 * @param {number} at
 */
function greet(hello, at) {
  const resumed = String(hello.last_event_id ?? 'none');
  if (live.lastId && resumed !== live.lastId) {
    addNote(at, `Last-Event-ID was ${live.lastId} here, but ${resumed} at the origin`, true);
    if (hello.last_event_id == null) numberAnew();
  }
  live.hello = hello;
  if (hello.interval_ms > 0) live.recording.spec.interval_us = Math.max(Math.round(hello.interval_ms * 1000), 1000);
}

/**
 * The origin's clock has been compared with the page's.
 * @param {boolean} isFirst
 */
export function seeClock(isFirst) {
  if (isFirst) replay();
  const { recording } = live;
  const { offset } = origin;
  recording.offset ??= offset;
  if (offset === null || recording.offset === null) return;
  const movedUs = Math.abs(offset.us - recording.offset.us);
  if (movedUs <= MOVED_US + offset.errorUs + recording.offset.errorUs) return;
  // What came by another clock can't be compared with what comes.
  recording.forgetBefore(nowUs());
  recording.offset = offset;
}

// Once the clock is known, so are the lags of what came before.
function replay() {
  for (const { sentUs, at, isReplayed } of listedEvents()) {
    const lagUs = isReplayed ? null : lagOf(sentUs, at);
    if (lagUs === null) continue;
    countLag(lagUs);
    amendSeries(at, lagUs);
  }
  redrawList();
}

/** Looks whether this device slept, or its clock was set: the origin's clock relates to it in another way then. */
export function watchDevice() {
  if (!seeJump()) return;
  addNote(nowUs(), 'this device slept, or its clock was set: how the origin’s clock relates to it is found out again');
  seeSleep();
  if (origin.offset === null) return;
  doubtClocks(seeClock);
  live.recording.forgetBefore(nowUs());
}
