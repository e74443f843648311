// One diagnosis: the program says which streams to look at, the page looks, until the program has seen enough.

import { nowUs, sleep } from './clock.js';
import { judged, NoAnswer } from './judge.js';
import { EXCHANGES, exchange, origin } from './origin.js';
import { eventsUrl, streamQuery } from './query.js';
import { Recording, recordingOf } from './recording.js';
import { statusOf } from './status.js';
import { readByEventSource, readByFetch } from './streams.js';

/**
 * What the program asks the page to look at, and one stream of it: see `POST judge`.
 * @typedef {import('./recording.js').Spec & {query: string, duration_ms: number, wants_id: boolean}} Wish
 *
 * @typedef {object} Look
 * @property {string} round
 * @property {string} variant
 * @property {string} role
 * @property {string} method
 * @property {string} query
 * @property {'fetch'|'eventsource'} transport
 * @property {number} after_ms
 * @property {Wish[]} streams
 */

/** A browser opens 6 connections to one origin with HTTP/1.1; one stays free for the clock. */
const AT_ONCE_OLD = 5;
const AT_ONCE = 20;
const ASK_EVERY_MS = 500;
/** Exchanges that are kept. */
const EXCHANGES_MOST = 400;
/** So often the program is asked again if it doesn't answer, and after this time. */
const ATTEMPTS = 4;
const RETRY_MS = 2000;

/** Only so many streams at once: what waits in the browser would look held. */
class Queue {
  /** @type {(() => void)[]} */
  #waiting = [];
  #running = 0;
  #nextMs = 0;
  #most;
  #apartMs;

  /**
   * @param {number} most
   * @param {number} apartMs what a busy device has to do to begin with many would make the first events of each late
   */
  constructor(most, apartMs) {
    this.#most = most;
    this.#apartMs = apartMs;
  }

  /** @param {() => Promise<void>} job */
  async run(job) {
    if (this.#running >= this.#most) await new Promise((go) => this.#waiting.push(() => go(null)));
    else this.#running++;
    try {
      const now = performance.now();
      const at = Math.max(this.#nextMs, now);
      this.#nextMs = at + this.#apartMs;
      await sleep(at - now);
      await job();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

export class Case {
  /** @type {Recording[]} */
  #recordings = [];
  /** @type {import('./origin.js').Exchange[]} */
  #exchanges = [];
  #beganUs = nowUs();
  /** To an origin of another program, parameters of ours may mean something else: it is asked what the page asks. */
  #query = '';
  #isOver = false;
  #signal;
  #show;

  /**
   * @param {AbortSignal} signal ends all looks; what is known then must do
   * @param {{
   *   progress: (progress: any) => void, looks: (looks: Look[]) => void, running: (look: Look) => void, done: () => void,
   * }} show
   */
  constructor(signal, show) {
    this.#signal = signal;
    this.#show = show;
  }

  /** What the program concludes. */
  async run() {
    try {
      await this.#compareClocks();
      this.#query = this.#exchanges.length > 0 ? '' : streamQuery();
      this.#keepAsking();
      for (;;) {
        const answer = await this.#ask();
        this.#show.progress(answer.progress);
        const next = /** @type {Look[]} */ (answer.next ?? []);
        if (next.length === 0 || this.#signal.aborted) return answer;
        this.#show.looks(next);
        const queue = new Queue(answer.at_once, answer.apart_ms);
        await Promise.all(next.flatMap((look) => look.streams.map((wish) => queue.run(() => this.#look(look, wish)))));
      }
    } finally {
      this.#isOver = true;
    }
  }

  /** All that was seen. */
  recording() {
    const atOnce = origin.protocol === null || origin.protocol.startsWith('http/1') ? AT_ONCE_OLD : AT_ONCE;
    const recording = recordingOf('diagnose', eventsUrl(this.#query), 'GET', this.#exchanges);
    recording.clock.has_failed = this.#exchanges.length === 0;
    return {
      ...recording,
      streams: this.#recordings.map((one) => one.json()),
      observer: { is_browser: true, at_once: atOnce },
      begun_us: this.#beganUs,
      is_cancelled: this.#signal.aborted,
    };
  }

  /** @returns {Promise<any>} */
  async #ask() {
    for (let attempt = 1; ; attempt++) {
      try {
        return await judged(this.recording());
      } catch (error) {
        if (attempt === ATTEMPTS || !(error instanceof NoAnswer) || error.status === 400) throw error;
        await sleep(RETRY_MS, this.#signal);
      }
    }
  }

  async #compareClocks() {
    for (let n = 0; n < EXCHANGES && !this.#signal.aborted; n++) if (!await this.#exchange()) return;
  }

  async #exchange() {
    const found = await exchange(this.#signal).catch(() => null);
    if (found !== null) this.#exchanges.push(found);
    if (this.#exchanges.length > EXCHANGES_MOST) this.#exchanges.splice(EXCHANGES, 1);
    return found !== null;
  }

  // Asks for the origin's time until there is a result: some of the exchanges meet no busy moment.
  async #keepAsking() {
    while (!this.#isOver && !this.#signal.aborted) {
      await sleep(ASK_EVERY_MS, this.#signal);
      await this.#exchange();
    }
  }

  /**
   * @param {Look} look
   * @param {Wish} wish
   */
  async #look(look, wish) {
    if (this.#signal.aborted) return;
    this.#show.running(look);
    const id = wish.wants_id ? newId() : null;
    const query = [wish.query, id && `id=${id}`].filter(Boolean).join('&');
    const { name, interval_us, size, count, any_type } = wish;
    const labels = { id, round: look.round, variant: look.variant, role: look.role };
    const isFetch = look.transport === 'fetch';
    const recording = new Recording({ name, interval_us, size, count, any_type }, eventsUrl(query), isFetch, labels);
    this.#recordings.push(recording);
    const abort = new AbortController();
    const end = () => abort.abort();
    this.#signal.addEventListener('abort', end);
    let timer = setTimeout(end, wish.duration_ms);
    const on = {
      // Before its head a stream may have waited for a connection, which other tabs use as well.
      opened: () => {
        clearTimeout(timer);
        timer = setTimeout(end, wish.duration_ms);
      },
    };
    if (isFetch) await readByFetch(recording, look.method, '', abort.signal, on);
    else await readByEventSource(recording, abort.signal, on);
    clearTimeout(timer);
    this.#signal.removeEventListener('abort', end);
    const isAsked = id !== null && recording.head === null && recording.failure === null && !this.#signal.aborted;
    if (isAsked) recording.status = await statusOf(id, this.#signal);
    this.#show.done();
  }
}

const newId = () => [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(16).padStart(8, '0')).join('');
