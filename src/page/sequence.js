// Which numbered events came, came again, or not at all.

/** Numbers that were skipped and may still come; of more, the oldest are given up as missing. */
const GAPS_MAX = 4096;

export class Sequence {
  /** @type {Set<number>} */
  #gaps = new Set();
  #next;

  /**
   * @param {?number} first the first number; null if it may be any
   * @param {number} missing how many are missing already
   */
  constructor(first, missing = 0) {
    this.#next = first;
    this.missing = missing;
  }

  /**
   * Takes the next number. True if it came before.
   * @param {number} seq
   */
  isRepeated(seq) {
    const next = this.#next ?? seq;
    if (seq < next) {
      if (!this.#gaps.delete(seq)) return true;
      this.missing--;
      return false;
    }
    this.missing += seq - next;
    for (let gap = Math.max(next, seq - GAPS_MAX); gap < seq; gap++) this.#gaps.add(gap);
    // A set keeps its order, so that the first is the least.
    for (const gap of this.#gaps) {
      if (this.#gaps.size <= GAPS_MAX) break;
      this.#gaps.delete(gap);
    }
    this.#next = seq + 1;
    return false;
  }
}
