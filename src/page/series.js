// For an hour: how late the events of each quarter second were, and how many there were.

export const SLOT_US = 250_000;
export const SLOTS = 3600 * 4;

/** A ring: slot n of time is at n modulo SLOTS. */
export const series = {
  least: new Float32Array(SLOTS),
  most: new Float32Array(SLOTS),
  count: new Uint16Array(SLOTS),
  /** 1 where the stream was lost. */
  mark: new Uint8Array(SLOTS),
  /** The newest slot. */
  last: 0,
};

const COUNT_MAX = 65_535;
const all = [series.least, series.most, series.count, series.mark];

/** @param {number} at */
export function clearSeries(at) {
  for (const values of all) values.fill(0);
  series.last = Math.floor(at / SLOT_US);
}

/**
 * The place in the ring of a time, which is the newest or not long ago.
 * @param {number} at
 */
export function placeOf(at) {
  const slot = Math.floor(at / SLOT_US);
  const first = Math.max(series.last + 1, slot - SLOTS + 1);
  for (let n = first; n <= slot; n++) for (const values of all) values[n % SLOTS] = 0;
  series.last = Math.max(series.last, slot);
  return slot % SLOTS;
}

/**
 * An event came.
 * @param {number} at
 * @param {?number} lagUs
 */
export function addToSeries(at, lagUs) {
  const n = placeOf(at);
  if (lagUs !== null) {
    const isFirst = series.count[n] === 0;
    series.least[n] = isFirst ? lagUs : Math.min(series.least[n], lagUs);
    series.most[n] = isFirst ? lagUs : Math.max(series.most[n], lagUs);
  }
  series.count[n] = Math.min(series.count[n] + 1, COUNT_MAX);
}

/**
 * The lag of an event that came is known only now.
 * @param {number} at
 * @param {number} lagUs
 */
export function amendSeries(at, lagUs) {
  const n = placeOf(at);
  [series.least[n], series.most[n]] = [lagUs, Math.max(series.most[n], lagUs)];
}

/** @param {number} at when the stream was lost */
export function markLoss(at) {
  series.mark[placeOf(at)] = 1;
}

/**
 * What some neighbouring slots have together; null of none.
 * @param {number} slot the first
 * @param {number} together how many
 */
export function slotsFrom(slot, together) {
  let [least, most, count, mark] = [Infinity, 0, 0, 0];
  for (let n = slot % SLOTS, left = together; left > 0; left--, n = (n + 1) % SLOTS) {
    mark |= series.mark[n];
    if (series.count[n] === 0) continue;
    least = Math.min(least, series.least[n]);
    most = Math.max(most, series.most[n]);
    count = Math.max(count, series.count[n]);
  }
  return count === 0 && mark === 0 ? null : { least, most, count, isLoss: mark !== 0 };
}
