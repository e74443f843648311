// What is this device's doing, and not the path's: a busy thread, a hidden tab, no network, sleep.

import { nowUs } from './clock.js';

/** @typedef {{fromUs: number, toUs: number}} Stall a time in which the page itself was late */

const TICK_MS = 50;
const STALL_LEAST_US = 25_000;
const SLEPT_US = 5e6;
/** Stalls that are kept: a minute or so of a busy device. */
const STALLS_MAX = 400;
/** What ends so soon after the device was away is not the path's doing. */
const AWAY_US = 30e6;

/** @type {Stall[]} */
const stalls = [];

/** A diagnosis is judged late, and needs all stalls of its time. */
let mostStalls = STALLS_MAX;

/** @type {?number} */
let dueUs = null;

export const presence = {
  /** How long the tab was hidden, in all. */
  hiddenUs: 0,
  /** @type {?number} */
  hiddenSinceUs: document.hidden ? nowUs() : null,
  /**
   * When the device was away last.
   * @type {?number}
   */
  awayUs: null,
};

/** @param {number} most stalls that are kept from now on */
export function keepStalls(most = STALLS_MAX) {
  mostStalls = most;
}

function tick() {
  const at = nowUs();
  // While the page is hidden its timer is late all the time, and that is one stall.
  if (dueUs !== null && presence.hiddenSinceUs === null && at - dueUs > STALL_LEAST_US) {
    stalls.push({ fromUs: dueUs, toUs: at });
  }
  // In some browsers the page's clock goes on while the device sleeps.
  if (dueUs !== null && at - dueUs > SLEPT_US) presence.awayUs = at;
  if (stalls.length > mostStalls) stalls.splice(0, stalls.length - mostStalls);
  dueUs = at + TICK_MS * 1000;
}

export function watchStalls() {
  tick();
  setInterval(tick, TICK_MS);
}

/** The stalls until now, the present one included. */
export const stallsSoFar = () =>
  (presence.hiddenSinceUs === null ? stalls : [...stalls, { fromUs: presence.hiddenSinceUs, toUs: nowUs() }]);

/**
 * When the last stall of a second or more was over; 0 if there was none.
 * @returns {number}
 */
export const lastLongStallUs = () => stalls.findLast(({ fromUs, toUs }) => toUs - fromUs > 1e6)?.toUs ?? 0;

/** @param {number} at */
export const isAway = (at) => presence.hiddenSinceUs !== null || !navigator.onLine ||
  (presence.awayUs !== null && at - presence.awayUs < AWAY_US);

/** @type {(() => void)[]} */
const waitingForView = [];

/**
 * Waits until the tab is in view.
 * @returns {Promise<void> | undefined}
 */
export const inView = () => (document.hidden ? new Promise((go) => waitingForView.push(() => go())) : undefined);

/** Takes notice of whether the tab is hidden. If it comes back into view: how long it was hidden. */
export function seeVisibility() {
  const at = nowUs();
  if (document.hidden) presence.hiddenSinceUs ??= at;
  if (document.hidden || presence.hiddenSinceUs === null) return null;
  const us = at - presence.hiddenSinceUs;
  stalls.push({ fromUs: presence.hiddenSinceUs, toUs: at });
  presence.hiddenUs += us;
  [presence.hiddenSinceUs, presence.awayUs] = [null, at];
  for (const go of waitingForView.splice(0)) go();
  return us;
}
