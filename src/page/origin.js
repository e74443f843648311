// What the origin says of itself: its clock, compared with the page's as NTP compares clocks, its name, and the protocol.

import { limit, nowUs, unixMs } from './clock.js';
import { beside } from './query.js';
import { millis } from './text.js';

/**
 * One request for the origin's time.
 * @typedef {object} Exchange
 * @property {number} t0Us when it was sent, on the page's clock
 * @property {number} t1Us the origin's time in the answer
 * @property {number} t3Us when the answer came, on the page's clock
 */

/**
 * How the origin's clock relates to the page's.
 * @typedef {object} Offset
 * @property {number} us the origin's clock less the page's
 * @property {number} errorUs by how much that is wrong at most: half the round trip, which the path takes one way
 */

export const EXCHANGES = 6;
/** Rounds of exchanges that are kept: older ones may have drifted. */
const ROUNDS_MAX = 5;
/** Often at first: a busy moment makes the error large. */
const FIRST_MS = 2000;
const EVERY_MS = 60_000;
const TIMEOUT_MS = 5000;
/** @type {Record<string, string>} */
const PROTOCOLS = { 'http/1.0': 'HTTP/1.0', 'http/1.1': 'HTTP/1.1', h2: 'HTTP/2', h3: 'HTTP/3' };

/**
 * The best exchange of each of the last rounds.
 * @type {Exchange[]}
 */
export const rounds = [];

export const origin = {
  /** @type {?Offset} */
  offset: null,
  /** The clocks have to be compared anew before lags are known. */
  isInDoubt: false,
  hasFailed: false,
  /**
   * What it calls itself.
   * @type {?string}
   */
  server: null,
  /**
   * How the browser speaks with it, by its ALPN name.
   * @type {?string}
   */
  protocol: null,
};

/** @type {ReturnType<typeof setTimeout> | undefined} */
let retrying;

/**
 * Asks for the origin's time.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Exchange>}
 */
export async function exchange(signal) {
  const t0Us = nowUs();
  const response = await fetch(beside('time'), { cache: 'no-store', signal: limit(TIMEOUT_MS, signal) });
  const t3Us = nowUs();
  const { now_us: t1Us, server } = await response.json();
  if (!Number.isSafeInteger(t1Us)) throw new TypeError('the answer has no time');
  origin.server = String(server);
  return { t0Us, t1Us, t3Us };
}

/** @param {Exchange} exchange */
const roundTripUs = ({ t0Us, t3Us }) => t3Us - t0Us;

/**
 * The offset by the exchange with the least round trip.
 * @param {Exchange[]} exchanges
 * @returns {Offset}
 */
function offsetBy(exchanges) {
  const best = exchanges.reduce((a, b) => (roundTripUs(a) <= roundTripUs(b) ? a : b));
  const errorUs = Math.trunc(roundTripUs(best) / 2);
  return { us: best.t1Us - best.t0Us - errorUs, errorUs };
}

/**
 * Whether no single offset fits all exchanges.
 * @param {Exchange[]} exchanges
 */
function areContradictory(exchanges) {
  const least = Math.max(...exchanges.map(({ t1Us, t3Us }) => t1Us - t3Us));
  return least > Math.min(...exchanges.map(({ t1Us, t0Us }) => t1Us - t0Us));
}

/**
 * Compares the clocks.
 * @param {(isFirst: boolean) => void} compared called when they have been
 */
export async function compareClocks(compared) {
  const exchanges = [];
  for (let n = 0; n < EXCHANGES; n++) {
    const one = await exchange().catch(() => null);
    if (one === null) break;
    exchanges.push(one);
  }
  findProtocol();
  origin.hasFailed = exchanges.length === 0;
  clearTimeout(retrying);
  if (origin.hasFailed && origin.isInDoubt) retrying = setTimeout(() => compareClocks(compared), FIRST_MS);
  if (origin.hasFailed) return;
  rounds.push(exchanges.reduce((a, b) => (roundTripUs(a) <= roundTripUs(b) ? a : b)));
  if (rounds.length > ROUNDS_MAX) rounds.shift();
  // A clock that was set, or a device that slept.
  if (areContradictory(rounds)) rounds.splice(0, rounds.length - 1);
  const isFirst = origin.offset === null;
  Object.assign(origin, { offset: offsetBy(rounds), isInDoubt: false });
  compared(isFirst);
}

/**
 * Has lags unknown until the clocks have been compared anew.
 * @param {(isFirst: boolean) => void} compared
 */
export function doubtClocks(compared) {
  origin.isInDoubt = true;
  rounds.length = 0;
  compareClocks(compared);
}

/**
 * Compares the clocks again and again, ever less often.
 * @param {() => Promise<void>} compare
 */
export function keepComparing(compare, ms = FIRST_MS) {
  setTimeout(async () => {
    await compare();
    keepComparing(compare, Math.min(2 * ms, EVERY_MS));
  }, ms);
}

// How a request went is known when it has ended.
function findProtocol() {
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(beside('time')));
  origin.protocol = entries.at(-1)?.nextHopProtocol || origin.protocol;
  performance.clearResourceTimings();
}

/** @returns {?string} */
export const protocolName = () => PROTOCOLS[origin.protocol ?? ''] ?? origin.protocol;

/**
 * How long an event took beyond what the path needs; null if that is not known.
 * @param {?number} sentUs on the origin's clock
 * @param {number} atUs on the page's
 */
export function lagOf(sentUs, atUs) {
  const { offset, isInDoubt } = origin;
  return offset === null || isInDoubt || sentUs === null ? null : atUs - (sentUs - offset.us) - offset.errorUs;
}

export function clockText() {
  const { offset, hasFailed } = origin;
  if (offset === null) {
    return hasFailed
      ? 'The origin’s clock can’t be compared with this device’s, so that lags are not known.'
      : 'Comparing the origin’s clock with this device’s.';
  }
  const aheadUs = offset.us - unixMs(0) * 1000;
  const side = aheadUs < 0 ? 'behind' : 'ahead of';
  const difference = `${millis(Math.abs(aheadUs))} ${side} this device’s, ± ${millis(offset.errorUs)}`;
  return `Lag is corrected by the clocks’ difference: the origin’s is ${difference}.`;
}
