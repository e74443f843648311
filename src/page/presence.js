// What is this device's doing, and not the path's: a busy thread, a hidden tab, no network, sleep.

import { nowUs } from './clock.js';

/**
 * @typedef {{fromUs: number, toUs: number}} Stall a time in which the page itself was late
 * @typedef {{fromUs: number, toUs: ?number}} Absence a time in which the tab was hidden, or the device away; null: it is
 */

const TICK_MS = 50;
const STALL_LEAST_US = 25_000;
const SLEPT_US = 5e6;
/** Stalls that are kept: a minute or so of a busy device. */
const STALLS_MAX = 400;
const ABSENCES_MAX = 50;
/** What ends so soon after the device was away is not the path's doing. */
const AWAY_US = 30e6;

/** @type {Stall[]} */
export const stalls = [];

/** @type {?number} */
let dueUs = null;

/** A diagnosis is judged late, and needs all stalls of its time. */
let stallsMost = STALLS_MAX;

export const presence = {
  /**
   * When the tab was hidden.
   * @type {Absence[]}
   */
  hidden: document.hidden ? [{ fromUs: nowUs(), toUs: null }] : [],
  /**
   * When the device was offline, or asleep.
   * @type {Absence[]}
   */
  away: [],
  /** How long the tab was hidden, in all. */
  hiddenUs: 0,
};

/** @param {number} most stalls that are kept from now on */
export function keepStalls(most = STALLS_MAX) {
  stallsMost = most;
}

function tick() {
  const at = nowUs();
  const lateUs = dueUs === null ? 0 : at - dueUs;
  // While the page is hidden its timer is late all the time.
  if (dueUs !== null && lateUs > STALL_LEAST_US && !document.hidden) stalls.push({ fromUs: dueUs, toUs: at });
  // In some browsers the page's clock goes on while the device sleeps.
  if (lateUs > SLEPT_US) seeSleep();
  if (stalls.length > stallsMost) stalls.splice(0, stalls.length - stallsMost);
  dueUs = at + TICK_MS * 1000;
}

export function watchStalls() {
  tick();
  setInterval(tick, TICK_MS);
}

/** The device has slept, or its clock was set. */
export const seeSleep = () => add(presence.away, nowUs());

/** @param {Absence[]} absences @param {number} fromUs @param {?number} toUs */
function add(absences, fromUs, toUs = fromUs) {
  absences.push({ fromUs, toUs });
  if (absences.length > ABSENCES_MAX) absences.shift();
}

/** Takes notice of the network. */
export function seeNetwork() {
  const last = presence.away.at(-1);
  if (!navigator.onLine) add(presence.away, nowUs(), null);
  else if (last?.toUs === null) last.toUs = nowUs();
}

/** @type {(() => void)[]} */
const waitingForView = [];

/**
 * Waits until the tab is in view.
 * @returns {Promise<void> | undefined}
 */
export const inView = () => (document.hidden ? new Promise((go) => waitingForView.push(() => go())) : undefined);

/** Takes notice of whether the tab is hidden. If it comes back into view: how long it was hidden. */
export function seeVisibility() {
  const [at, last] = [nowUs(), presence.hidden.at(-1)];
  if (document.hidden && last?.toUs !== null) add(presence.hidden, at, null);
  if (document.hidden || last?.toUs !== null) return null;
  last.toUs = at;
  presence.hiddenUs += at - last.fromUs;
  for (const go of waitingForView.splice(0)) go();
  return at - last.fromUs;
}

/** Whether the device is away, or was shortly before. */
export function isAway(at = nowUs()) {
  const ends = [...presence.hidden, ...presence.away].map(({ toUs }) => toUs ?? at);
  return !navigator.onLine || at - Math.max(...ends, -Infinity) < AWAY_US;
}
