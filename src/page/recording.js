// What the browser saw of one stream, in the form in which the program judges it.

import { nowUs, unixMs } from './clock.js';
import { origin, rounds } from './origin.js';
import { presence, stalls } from './presence.js';

/**
 * What was asked for.
 * @typedef {object} Spec
 * @property {string} name
 * @property {number} interval_us from one event to the next
 * @property {number} size bytes of data in each event
 * @property {?number} count number of events; null for an endless stream
 * @property {boolean} [any_type] another content type than text/event-stream was asked for
 *
 * @typedef {object} Head the head of a response; of one to an EventSource only the time is known
 * @property {number} at_us
 * @property {number} [status]
 * @property {string} [url]
 * @property {[string, string][]} [headers]
 * @property {string[]} [redirects]
 *
 * @typedef {object} Status what the origin says of a stream
 * @property {'unknown'|'open'|'ended'} state
 * @property {?string} ended_by
 * @property {?number} opened_us
 *
 * @typedef {{answer: 'unreachable', id: string, text: string}} Failure why no response came
 * @typedef {'ours'|'clean'|'truncated'} Ending
 * @typedef {[at: number, offset: number, length: number]} Read
 * @typedef {[at: number, offset: number, length: number, number: ?number, sentUs: ?number, intact: 0|1]} Event
 * @typedef {import('./origin.js').Exchange} Exchange
 */

/** A record of a live stream goes back so far. */
const NEWEST_US = 60e6;
/** It has this many reads and events at most, which are less than 64 KiB. */
const ENTRIES_MOST = 1000;
/** More are kept until the record is asked for. */
const ENTRIES_KEPT = 2 * ENTRIES_MOST;
const EVENTS_LEAST = 20;
/** Reads less than this apart belong together. */
const TOGETHER_US = 15_000;

/** The Unix time at which the page's clock was zero. It stays the same while the page is open. */
export const unixUs = Math.round(unixMs(0) * 1000);

/** @param {?number} us */
const lessUnix = (us) => (us === null ? null : us - unixUs);

/** The record of one stream, while it runs. */
export class Recording {
  /** @type {?Head} */
  head = null;
  /** @type {?Failure} */
  failure = null;
  /** @type {?string} the beginning of an answer that is not an event stream */
  beginning = null;
  /** @type {?Record<string, any>} */
  hello = null;
  /** @type {?Status} */
  status = null;
  /** @type {?{how: Ending, at_us: number}} */
  ending = null;
  isUndecodable = false;
  /** @type {?import('./origin.js').Offset} how the clocks related when the record began */
  offset = origin.offset;
  /** What is older was left out. */
  isContinued = false;
  /** @type {Read[]} */
  #reads = [];
  /** @type {Event[]} */
  #events = [];
  /** @type {number[]} */
  #comments = [];
  /** Bytes so far. */
  #length = 0;

  /**
   * @param {Spec} spec
   * @param {string} url
   * @param {boolean} hasReads an EventSource shows events alone
   * @param {Record<string, unknown>} [labels] what else the record says
   */
  constructor(spec, url, hasReads, labels = {}) {
    Object.assign(this, { spec, url, hasReads, labels });
    this.spec = spec;
    this.url = url;
    this.hasReads = hasReads;
    this.labels = labels;
    this.requestedUs = nowUs();
  }

  /**
   * A read returned, before what it completes.
   * @param {number} at
   * @param {number} length
   */
  read(at, length) {
    this.#reads.push([at, this.#length, length]);
    this.#length += length;
    if (this.#reads.length + this.#events.length > ENTRIES_KEPT && this.spec.count === null) this.trim(at);
  }

  /**
   * @param {number} at
   * @param {import('./decoder.js').Message} message
   * @param {import('./stamp.js').Stamp} stamp
   */
  event(at, { start, end }, { number, sentUs, isIntact }) {
    this.#events.push([at, start, end - start, number, lessUnix(sentUs), isIntact ? 1 : 0]);
    if (this.#reads.length + this.#events.length > ENTRIES_KEPT && this.spec.count === null) this.trim(at);
  }

  get hasEvents() {
    return this.#events.length > 0;
  }

  /** @param {number} end */
  comment(end) {
    this.#comments.push(end);
  }

  /**
   * The stream ended, or was ended.
   * @param {Ending} how
   */
  end(how, at = nowUs()) {
    this.ending ??= { how, at_us: at };
  }

  /**
   * Leaves out what came before a time.
   * @param {number} us
   */
  forgetBefore(us) {
    const offset = this.hasReads
      ? this.#reads.find(([at]) => at >= us)?.[1] ?? this.#length
      : this.#events.find(([at]) => at >= us)?.[1] ?? Infinity;
    if (this.#events.length === 0 || this.#events[0][1] >= offset) return;
    this.#reads = this.#reads.filter(([, start]) => start >= offset);
    this.#events = this.#events.filter(([, start]) => start >= offset);
    this.#comments = this.#comments.filter((end) => end > offset);
    this.isContinued = true;
  }

  /**
   * Leaves out what is too old, or too much, so that the record begins after a pause.
   * @param {number} now
   */
  trim(now) {
    const times = (this.hasReads ? this.#reads : this.#events).map(([at]) => at);
    const many = this.#reads.length + this.#events.length - ENTRIES_MOST;
    const share = Math.ceil((times.length * Math.max(many, 0)) / Math.max(many + ENTRIES_MOST, 1));
    const least = this.#events.at(-EVENTS_LEAST)?.[0] ?? 0;
    const wanted = Math.min(Math.max(now - NEWEST_US, times[share] ?? 0), least);
    if (wanted <= (times[0] ?? 0)) return;
    const isBegin = (/** @type {number} */ n) => n > 0 && times[n] - times[n - 1] >= TOGETHER_US;
    const first = times.findIndex((at) => at >= wanted);
    const after = times.findIndex((at, n) => n >= first && at <= least && isBegin(n));
    const before = times.findLastIndex((_, n) => n <= first && isBegin(n));
    this.forgetBefore(times[after >= 0 ? after : before >= 0 && many <= 0 ? before : first]);
  }

  json() {
    const { spec, url, requestedUs, head, beginning, failure, hello, status, ending, isUndecodable } = this;
    return {
      ...spec, url, ...this.labels, requested_us: requestedUs, head, failure, hello,
      ...(beginning === null ? {} : { beginning }),
      status: status && { ...status, opened_us: lessUnix(status.opened_us) },
      reads: this.hasReads ? this.#reads : null, events: this.#events, comments: this.#comments,
      is_undecodable: isUndecodable, end: ending,
    };
  }

  /** What is needed of a connection that another one followed. */
  brief() {
    return { ...this.json(), reads: this.hasReads ? [] : null, events: [], comments: [] };
  }
}

/**
 * What all recordings have.
 * @param {'probe'|'diagnose'} kind
 * @param {string} url
 * @param {string} method
 * @param {Exchange[]} exchanges
 */
export const recordingOf = (kind, url, method, exchanges = rounds) => ({
  schema: 1,
  kind,
  program: navigator.userAgent,
  request: { url, method, headers: [] },
  origin: null,
  unix_us: unixUs,
  clock: {
    exchanges: exchanges.map(({ t0Us, t1Us, t3Us }) => [t0Us, t1Us - unixUs, t3Us]),
    has_failed: origin.hasFailed,
  },
  stalls: stalls.map(({ fromUs, toUs }) => [fromUs, toUs]),
  hidden: presence.hidden.map(({ fromUs, toUs }) => [fromUs, toUs]),
  away: presence.away.map(({ fromUs, toUs }) => [fromUs, toUs]),
  elapsed_us: nowUs(),
});
