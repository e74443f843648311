// Events that come at once were held: the list says so once they have all come.

import { addNote } from './list.js';
import { millis } from './text.js';

/** Events less than this apart come at once. */
const TOGETHER_US = 15_000;
/** So many at least, and the oldest held for so long, are worth a note. */
const EVENTS_LEAST = 3;
const HELD_LEAST_US = 1e6;

export class LumpWatch {
  #lump = { from: 0, at: -Infinity, count: 0, lagUs: 0 };

  /**
   * An event came.
   * @param {number} at
   * @param {?number} lagUs
   */
  see(at, lagUs) {
    this.end(at);
    const { from, count, lagUs: most } = this.#lump;
    this.#lump = { from: count === 0 ? at : from, at, count: count + 1, lagUs: Math.max(most, lagUs ?? 0) };
  }

  /**
   * Says how large the lump was, if it is over.
   * @param {number} now
   */
  end(now) {
    const { from, at, count, lagUs } = this.#lump;
    if (now - at < TOGETHER_US) return;
    if (count >= EVENTS_LEAST && lagUs >= HELD_LEAST_US) {
      addNote(from, `${count} events came at once, the oldest held for ${millis(lagUs)}`, true);
    }
    this.#lump = { from: now, at: -Infinity, count: 0, lagUs: 0 };
  }
}
