// How values read.

/**
 * Microseconds, as milliseconds or seconds.
 * @param {?number} us
 */
export function millis(us) {
  if (us === null) return '–';
  const ms = us / 1000;
  const size = Math.abs(ms);
  const text = size < 10_000 ? `${ms.toFixed(size < 100 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
  return text.replace(/^-0\.0 /, '0.0 ').replace('-', '−');
}

/**
 * Microseconds, as whole seconds and minutes.
 * @param {number} us
 */
export function span(us) {
  const seconds = Math.max(0, Math.floor(us / 1e6));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * A message as a sentence.
 * @param {string} text
 */
export const sentence = (text) =>
  (text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}` : '');

/**
 * @param {number} n
 * @param {string} what one of them
 */
export const counted = (n, what) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

/**
 * The object that a text is in JSON; an empty one if it is not JSON.
 * @param {string} text
 * @returns {Record<string, any>}
 */
export function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/**
 * The smallest of 1, 2, 5, 10, 20 … that is not less than the value.
 * @param {number} value
 */
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5].map((n) => n * power).find((step) => step >= value) ?? 10 * power;
}

/** @param {ArrayLike<number>} values */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length > 0 ? (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2 : null;
}
