// @ts-nocheck
// Reading a stream.

import './core.js';
import { nowUs, sleep } from './clock.js';
import { Decoder } from './decoder.js';
import { products } from './products.js';

const PEEK = 4096;
const PEEK_MS = 2000;

// What an event says. Who doesn't tell the time, and begins with something that bears none, is not our origin.
export function whatOf(recorder, isClockKnown, data, id) {
  if (recorder.firstEventUs === null) {
    const isOurs = isClockKnown || Core.whatOf('ours', data, id).kind !== 'unreadable';
    recorder.origin = isOurs ? 'ours' : 'foreign';
    if (!isOurs) recorder.isOfOtherPace(recorder.spec.intervalUs);
  }
  return Core.whatOf(recorder.origin, data, id);
}

export const headOf = ({ status, headers }) => ({ status, headers: [...headers] });

/** Why a response is no stream, as a finding; null if it is one. */
export async function refusal(response, asked, isAnyType = false) {
  const { status, url, redirected } = response;
  if (status === 200 && isAnyType) return null;
  const reply = { status, headers: [...response.headers], redirects: redirected ? [asked] : [], url, excerpt: '' };
  if (Core.problem(reply, Core.NO_PRODUCTS) === null) return null;
  reply.excerpt = await beginning(response).catch(() => '');
  return Core.problem(reply, await products());
}

/** The first characters of a body, as far as they come soon. */
async function beginning(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => reader?.cancel().catch(() => {}), PEEK_MS);
  let text = '';
  for (let piece = { done: !reader }; !piece.done && text.length < PEEK;) {
    piece = await reader.read();
    text += piece.value ?? '';
  }
  clearTimeout(timer);
  reader?.cancel().catch(() => {});
  return text.slice(0, PEEK);
}

// What a network error tells, which is little.
export function unreachable(error) {
  const why = navigator.onLine ? `no answer came: ${error.message}` : 'this device is offline';
  return Core.finding('no-answer', why);
}

// What an EventSource would ask with. It sends the UTF-8 of an ID, while fetch() takes each byte as a character.
export function headersFor(lastId) {
  const bytes = new TextEncoder().encode(lastId);
  return { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': String.fromCharCode(...bytes) }) };
}

/**
 * Reads a stream with fetch(), and tells `on` of its head, reads, and whatever they complete. How it ended: an Ending; or
 * the finding that says why there was no stream.
 */
export async function readByFetch(url, how, lastId, signal, on, isAnyType) {
  const headers = headersFor(lastId);
  let hasHead = false;
  try {
    const response = await fetch(url, { method: how === 'post' ? 'POST' : 'GET', headers, cache: 'no-store', signal });
    hasHead = true;
    const headUs = nowUs();
    const finding = await refusal(response, url, isAnyType);
    on.head(response, headUs, finding);
    if (finding !== null) return { finding };
    const [decoder, reader] = [new Decoder(on, lastId), response.body.getReader()];
    for (let length = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return { how: 'clean' };
      length += value.length;
      on.read(nowUs(), length);
      if (decoder.feed(value)) continue;
      on.undecodable();
      reader.cancel().catch(() => {});
      return { how: 'ours' };
    }
  } catch (error) {
    if (signal.aborted) return { how: 'ours' };
    return hasHead ? { how: 'truncated' } : { finding: unreachable(error) };
  }
}

// Reads a stream of so many events with an EventSource, which would begin again at its end.
export function readByEventSource(url, spec, signal, on) {
  return new Promise((done) => {
    const source = new EventSource(url);
    let [length, received, isOpen] = [0, 0, false];
    const finish = (told) => {
      source.close();
      done(told);
    };
    const hear = (event) => {
      const at = nowUs();
      if (event instanceof MessageEvent) {
        const start = length;
        length += event.data.length + event.lastEventId.length + 14;
        on.read(at, length);
        on.event({ data: event.data, id: event.lastEventId, start, end: length });
        received += event.type === 'message' ? 1 : 0;
      } else if (event.type === 'open') {
        isOpen = true;
        on.head(null, at);
      } else if (isOpen) finish({ how: received >= spec.count ? 'clean' : 'truncated' });
      else finish({ finding: Core.finding('no-answer', 'the EventSource was not opened, and it does not tell why') });
    };
    for (const name of ['open', 'error', 'hello', 'message']) source.addEventListener(name, hear);
    signal.addEventListener('abort', () => finish({ how: 'ours' }));
  });
}

