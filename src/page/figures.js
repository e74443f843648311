// The figures: what came since the page was opened, or since it counts anew.

import { $, put } from './dom.js';
import { clockText, protocolName } from './origin.js';
import { nowUs } from './clock.js';
import { parameters } from './query.js';
import { Sequence } from './sequence.js';
import { counted, median, millis } from './text.js';

/** Lags of which there is a median. */
const LAGS_MAX = 2000;
/** How often a screen reader's text for the charts changes. */
const SAY_EVERY_US = 1e7;

const nothing = () => ({
  received: 0,
  missing: 0,
  repeated: 0,
  reconnects: 0,
  /** @type {?Sequence} */
  sequence: null,
  /** Whether the events have the numbers of this program's origin. */
  isNumbered: true,
  /** @type {?number} when the first event came, from the request on */
  firstUs: null,
  lags: /** @type {number[]} */ ([]),
  lagCount: 0,
  /** @type {?number} */
  lastLagUs: null,
  /** @type {?number} */
  mostLagUs: null,
});

export let tally = nothing();
let saidUs = 0;

export function clearTally() {
  tally = nothing();
}

/** @param {number} lagUs */
export function countLag(lagUs) {
  tally.lags[tally.lagCount++ % LAGS_MAX] = lagUs;
  tally.lastLagUs = lagUs;
  tally.mostLagUs = Math.max(tally.mostLagUs ?? lagUs, lagUs);
}

/**
 * Counts an event. Numbers count across connections.
 * @param {?number} seq
 */
export function countEvent(seq) {
  tally.received++;
  if (seq === null) return;
  tally.sequence ??= newSequence();
  if (tally.sequence.isRepeated(seq)) tally.repeated++;
  tally.missing = tally.sequence.missing;
}

/** A stream that begins anew has new numbers; what was missing stays so. */
export function numberAnew() {
  tally.sequence = newSequence();
}

// A named stream may begin with any number.
const newSequence = () => new Sequence(parameters().has('stream') ? null : 1, tally.missing);

export function drawFigures() {
  const { missing, repeated, isNumbered } = tally;
  for (const name of /** @type {const} */ (['received', 'reconnects'])) put(name, tally[name].toLocaleString('en'));
  for (const [name, count] of /** @type {const} */ ([['missing', missing], ['repeated', repeated]])) {
    put(name, isNumbered ? count.toLocaleString('en') : '–');
    $(name).parentElement?.classList.toggle('trouble', count > 0);
  }
  const middle = millis(median(tally.lags));
  put('first', millis(tally.firstUs));
  put('last-lag', millis(tally.lastLagUs));
  put('median-lag', middle);
  put('max-lag', millis(tally.mostLagUs));
  put('protocol', protocolName() ?? '–');
  put('clocks', clockText());
  if (nowUs() - saidUs < SAY_EVERY_US) return;
  saidUs = nowUs();
  const lags = `last ${millis(tally.lastLagUs)}, median ${middle}, most ${millis(tally.mostLagUs)}`;
  $('chart').setAttribute('aria-label', `Lag over time: ${lags}`);
  $('arrivals').setAttribute('aria-label', `Arrivals over time: ${counted(tally.received, 'event')} so far`);
}
