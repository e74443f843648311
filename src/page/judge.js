// The program judges what was seen: a recording goes to `judge` beside the page, an answer comes back.

import { limit } from './clock.js';
import { beside } from './query.js';
import { hushed } from './secrets.js';

const TIMEOUT_MS = 8000;

/** Why there is no answer. */
export class NoAnswer extends Error {
  /**
   * @param {string} why
   * @param {?number} status of the response, if there was one
   */
  constructor(why, status) {
    super(why);
    this.status = status;
  }
}

/**
 * Posts a recording.
 * @param {object} recording
 * @param {string} type media type of the answer
 * @param {AbortSignal} [signal]
 */
async function post(recording, type, signal) {
  const body = JSON.stringify(recording, (_, value) => (typeof value === 'string' ? hushed(value) : value));
  const headers = { 'Content-Type': 'application/json', Accept: type };
  const options = { method: 'POST', headers, body, signal: limit(TIMEOUT_MS, signal) };
  const response = await fetch(beside('judge'), options).catch(() => null);
  if (response === null) throw new NoAnswer('the server can’t be reached', null);
  if (response.ok && response.headers.get('Content-Type')?.startsWith(type)) return response;
  const { status } = response;
  const said = status === 400 ? `: ${(await response.text().catch(() => '')).trim()}` : '';
  const answer = `${status}${response.statusText && ` ${response.statusText}`}${said}`;
  throw new NoAnswer(status === 429 ? 'the server is busy judging others' : `the path answers POST with ${answer}`, status);
}

/**
 * The program's answer to a recording.
 * @param {object} recording
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const judged = async (recording, signal) => (await post(recording, 'application/json', signal)).json();

/**
 * The report on a recording.
 * @param {object} recording
 * @param {'text/plain'|'text/html'} type
 */
export const report = async (recording, type) => (await post(recording, type)).text();
