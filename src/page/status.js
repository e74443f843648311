// What the origin says of a stream of its own.

import { limit } from './clock.js';
import { beside } from './query.js';

const TIMEOUT_MS = 5000;

/**
 * The state of a stream; null if the origin doesn't answer.
 * @param {unknown} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<?import('./recording.js').Status>}
 */
export async function statusOf(id, signal) {
  try {
    const url = beside(`streams/${encodeURIComponent(String(id))}`);
    const response = await fetch(url, { cache: 'no-store', signal: limit(TIMEOUT_MS, signal) });
    if (response.status === 404) return { state: 'unknown', ended_by: null, opened_us: null };
    const { state, ended_by = null, opened_us = null } = await response.json();
    return { state: state === 'open' ? 'open' : 'ended', ended_by, opened_us };
  } catch {
    return null;
  }
}
