// Reading a stream, by fetch() or by an EventSource, into its recording.

import { nowUs } from './clock.js';
import { Decoder } from './decoder.js';
import { stampOf } from './stamp.js';
import { parsed } from './text.js';

/**
 * @typedef {import('./recording.js').Recording} Recording
 * @typedef {import('./decoder.js').Message} Message
 * @typedef {import('./stamp.js').Stamp} Stamp
 *
 * @typedef {object} Listener what a reader calls, beside recording it
 * @property {(at: number) => void} [opened] a response head came, of an event stream
 * @property {(message: Message, stamp: Stamp, at: number) => void} [event]
 * @property {(ms: number) => void} [retry]
 */

/** Of an answer that is not an event stream this much is read, in characters, if it comes within this time. */
const BEGINNING_MOST = 4096;
const BEGINNING_MS = 2000;
/** What a field name, an id and the ends of lines take at least. */
const EVENT_FRAME = 14;

/**
 * What an EventSource would ask with. It sends the UTF-8 of an ID, while fetch() takes each byte as a character.
 * @param {string} lastId
 * @returns {Record<string, string>}
 */
export function headersFor(lastId) {
  const bytes = new TextEncoder().encode(lastId);
  return { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': String.fromCharCode(...bytes) }) };
}

/**
 * Records the head of a response, and its beginning if it is not an event stream. True if it is one.
 * @param {Recording} recording
 * @param {Response} response
 * @param {string} asked the URL
 */
export async function recordHead(recording, response, asked) {
  const { status, url, redirected, headers } = response;
  const redirects = redirected ? [asked] : [];
  recording.head = { at_us: nowUs(), status, url, headers: [...headers], redirects };
  const type = headers.get('Content-Type')?.split(';')[0].trim().toLowerCase();
  const isStream = status === 200 && (type === 'text/event-stream' || recording.spec.any_type === true);
  if (!isStream) recording.beginning = await beginning(response).catch(() => '');
  return isStream;
}

/**
 * The first characters of a body, as far as they come soon.
 * @param {Response} response
 */
async function beginning({ body }) {
  if (body === null) return '';
  const [reader, utf8] = [body.getReader(), new TextDecoder()];
  const cancel = () => reader.cancel().catch(() => {});
  const timer = setTimeout(cancel, BEGINNING_MS);
  let text = '';
  while (text.length < BEGINNING_MOST) {
    const { done, value } = await reader.read();
    if (done) break;
    text += utf8.decode(value, { stream: true });
  }
  clearTimeout(timer);
  cancel();
  return text.slice(0, BEGINNING_MOST);
}

/**
 * Records that no response came.
 * @param {Recording} recording
 * @param {string} why
 */
export function recordFailure(recording, why) {
  const text = navigator.onLine ? `no answer came: ${why}` : 'this device is offline';
  recording.failure = { answer: 'unreachable', id: 'no-answer', text };
}

/**
 * After a reconnect a named stream first repeats what was sent meanwhile: that is no lag of this path.
 * @param {?Record<string, any>} hello
 * @param {?number} sentUs
 */
export const isReplay = (hello, sentUs) => sentUs !== null && hello?.last_event_id != null && sentUs < hello.sent_us;

/**
 * Records an event.
 * @param {Recording} recording
 * @param {Message} message
 * @param {number} at
 * @param {Listener} on
 */
function recordEvent(recording, message, at, on) {
  const stamp = stampOf(message.data, message.id);
  if (message.type === 'hello' && stamp.number === 0) recording.hello ??= parsed(message.data);
  if (!isReplay(recording.hello, stamp.sentUs)) recording.event(at, message, stamp);
  on.event?.(message, stamp, at);
}

/**
 * Reads a stream with fetch(), to its end. True if there was one.
 * @param {Recording} recording
 * @param {string} method
 * @param {string} lastId
 * @param {AbortSignal} signal
 * @param {Listener} on
 */
export async function readByFetch(recording, method, lastId, signal, on) {
  const { url } = recording;
  try {
    const response = await fetch(url, { method, headers: headersFor(lastId), cache: 'no-store', signal });
    if (!await recordHead(recording, response, url)) return false;
    on.opened?.(nowUs());
    if (response.body !== null) await readBody(recording, response.body.getReader(), lastId, on);
    recording.end('clean');
  } catch (error) {
    if (signal.aborted) recording.end('ours');
    else if (recording.head === null) recordFailure(recording, String(/** @type {Error} */ (error).message));
    else recording.end('truncated');
  }
  return recording.failure === null;
}

/**
 * @param {Recording} recording
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {string} lastId
 * @param {Listener} on
 */
async function readBody(recording, reader, lastId, on) {
  let at = nowUs();
  const decoder = new Decoder({
    event: (message) => recordEvent(recording, message, at, on),
    comment: (end) => recording.comment(end),
    retry: (ms) => on.retry?.(ms),
  }, lastId);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    at = nowUs();
    recording.read(at, value.length);
    if (decoder.feed(value)) continue;
    recording.isUndecodable = true;
    recording.end('ours');
    reader.cancel().catch(() => {});
    return;
  }
}

/**
 * Records an event that an EventSource hands out. It shows no bytes: they are counted as far as they are known.
 * @param {Recording} recording
 * @param {MessageEvent} event
 * @param {number} start bytes so far
 * @param {Listener} on
 * @returns {number} bytes with it
 */
export function recordMessage(recording, { type, data, lastEventId: id }, start, on) {
  const end = start + data.length + id.length + EVENT_FRAME;
  recordEvent(recording, { type, data, id, start, end }, nowUs(), on);
  return end;
}

/**
 * Reads so many events of a stream with an EventSource, which would begin again at its end.
 * @param {Recording} recording
 * @param {AbortSignal} signal
 * @param {Listener} on
 * @returns {Promise<void>}
 */
export const readByEventSource = (recording, signal, on) => new Promise((done) => {
  const source = new EventSource(recording.url);
  let [length, received] = [0, 0];
  const finish = () => {
    source.close();
    done();
  };
  /** @param {Event} event */
  const hear = (event) => {
    if (event instanceof MessageEvent) {
      length = recordMessage(recording, event, length, on);
      received += event.type === 'message' ? 1 : 0;
    } else if (event.type === 'open') {
      recording.head = { at_us: nowUs() };
      on.opened?.(nowUs());
    } else {
      const isComplete = received >= (recording.spec.count ?? Infinity);
      if (recording.head !== null) recording.end(isComplete ? 'clean' : 'truncated');
      else recordFailure(recording, 'the EventSource was not opened, and it does not say why');
      finish();
    }
  };
  for (const name of ['open', 'error', 'hello', 'message']) source.addEventListener(name, hear);
  signal.addEventListener('abort', () => {
    recording.end('ours');
    finish();
  });
});
