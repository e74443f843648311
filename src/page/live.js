// The live stream: what the page asks for, how that goes, and what was seen of it.

import { nowUs } from './clock.js';
import { LumpWatch } from './lumps.js';
import { durationUs, eventsUrl, method, parameters, streamQuery } from './query.js';
import { Recording } from './recording.js';

/** @typedef {'opening'|'open'|'receiving'|'reconnecting'|'waiting'|'closed'|'ended'|'stopped'} Phase */

/** What a stream may not go below with the time after which it is asked for again. */
export const RETRY_LEAST_MS = 1000;
/** The streams of one address that are judged: the newest, and the one before. */
const RECORDINGS_MOST = 2;

/** One address, from when the page begins to ask for it. */
export class Live {
  url = eventsUrl(streamQuery());
  how = method();
  beganUs = nowUs();
  /** @type {Phase} */
  phase = 'opening';
  sinceUs = this.beganUs;
  requestedUs = this.beganUs;
  /** Why the phase is as it is. */
  reason = '';
  /** Whether there ever was a stream. */
  isOpened = false;
  /** Attempts that failed since there was a stream. */
  failures = 0;
  /** @type {?number} when the stream was lost */
  lostUs = null;
  /** @type {?number} when the last event came */
  lastUs = null;
  lastId = '';
  /** @type {?Record<string, any>} what the origin says of the request */
  hello = null;
  retryMs = RETRY_LEAST_MS;
  /** When it is tried again. */
  retryUs = 0;
  /** @type {Recording[]} */
  recordings = [];
  lumps = new LumpWatch();
  /** Counts what may change the verdict. */
  changes = 0;
  close = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  get recording() {
    return this.recordings[this.recordings.length - 1];
  }

  get isConnected() {
    return ['opening', 'open', 'receiving'].includes(this.phase);
  }

  get intervalUs() {
    return this.recording.spec.interval_us;
  }
}

/** @type {Live} */
export let live;


let show = () => {};

/** Something has changed that is to show at once. */
export const changed = () => show();

/** @param {() => void} draw called when something has changed that is to show at once */
export function whenChanged(draw) {
  show = draw;
}

/** The page asks for the address that it has now. */
export function beginLive() {
  live = new Live();
}

/** @param {Phase} phase */
export function enter(phase, reason = '', at = nowUs()) {
  if (live.phase !== phase) live.sinceUs = at;
  live.phase = phase;
  live.reason = reason;
  live.changes++;
}

/** Begins the record of another connection. */
export function record() {
  const interval = live.recordings.length > 0 ? live.intervalUs : durationUs(parameters().get('interval'));
  const spec = {
    name: 'S', interval_us: Math.max(Math.round(interval), 1000), size: 0, count: null,
    any_type: live.how !== 'eventsource' && parameters().has('type'),
  };
  // Of attempts that brought nothing the last one tells all.
  if (live.recordings.at(-1)?.head === null && live.recordings.length > 1) live.recordings.pop();
  live.recordings.push(new Recording(spec, live.url, live.how !== 'eventsource'));
  if (live.recordings.length > RECORDINGS_MOST) live.recordings.shift();
}

/** What came until now is not judged any more. */
export function recordAnew() {
  live.recording.forgetBefore(nowUs());
}
