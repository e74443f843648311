// What this program's origin writes into the data of its events: a number, when it was sent, and a check.

import { parsed } from './text.js';

/**
 * @typedef {object} Stamp
 * @property {?number} number that of the event; 0 of the hello event, null without a stamp unless the event's id is one
 * @property {?number} sentUs Unix time on the origin's clock; null without a stamp
 * @property {boolean} isIntact the data is what was sent, as far as it says
 */

/** The latest time that is taken for one, in Unix microseconds: 2255. */
const TIME_MAX_US = 2 ** 53;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** @param {string} text */
function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
const isNumber = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/**
 * The stamp of an event.
 * @param {string} data
 * @param {string} id
 * @returns {Stamp}
 */
export function stampOf(data, id) {
  const { seq = null, sent_us: sentUs, fill = '', crc32: check = null } = parsed(data);
  const isStamp = isNumber(sentUs) && sentUs <= TIME_MAX_US && (seq === null || isNumber(seq)) && typeof fill === 'string';
  if (!isStamp) return { number: /^\d{1,15}$/.test(id) ? Number(id) : null, sentUs: null, isIntact: true };
  const isIntact = check === null ? seq === null : parseInt(check, 16) === crc32(fill);
  return { number: seq ?? 0, sentUs, isIntact };
}
