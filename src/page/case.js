// @ts-nocheck
// A diagnosis: many variants of one path, and what came of them.

import './core.js';
import { limit, nowUs, sleep } from './clock.js';
import { $, make, put } from './dom.js';
import { liveUrl, specOf } from './live.js';
import { EXCHANGES, exchange, origin } from './origin.js';
import { inView, presence, stallsSoFar } from './presence.js';
import { book, products } from './products.js';
import { METHODS, beside, durationUs, eventsUrl } from './query.js';
import { BY_EVENT_SOURCE, badge, nameOfVariant, wordOf } from './matrix.js';
import { headOf, readByEventSource, readByFetch, whatOf } from './streams.js';
import { parsed } from './text.js';

const { Clock, Recorder, Variant, Verdict, WITHIN_US } = Core;
const PATIENCE_US = 3_000_000;

// How long after the origin's end something may still come, such as all of it.
const GRACE_MS = 4000;
// A browser opens 6 connections to one origin with HTTP/1.1; one stays free for the clock.
const AT_ONCE_OLD = 5;
const AT_ONCE = 20;
const ASK_EVERY_MS = 500;
const RUN_MS = 8000;
const AGAIN_MS = 4000;
// Where connections are scarce it may take long: then what was seen must do.
const DIAGNOSIS_MOST_MS = 120_000;
const LOOK_MS = 1000;
// A browser's page can't choose what it accepts.
const CANT = ['identity', 'gzip'];

// Streams of different pace: name, interval, size, most events.
const paces = {
  four: [['S', 100, 0], ['M', 100, 1000], ['L', 20, 2000], ['W', 1000, 0]],
  two: [['S', 100, 0], ['W', 1000, 0]],
  one: [['V', 350, 0]],
};

function wanted(variant, pace, runMs) {
  // Another origin has a pace of its own, and parameters of ours may mean something else to it.
  if (pace === 'own') {
    return [{ spec: specOf(durationUs('1s')), url: liveUrl(), id: null, lastsMs: runMs - GRACE_MS }];
  }
  const query = variant.query('');
  const given = new URLSearchParams(query);
  return paces[pace].map(([name, intervalMs, size]) => {
    const intervalUs = given.has('interval') ? durationUs(given.get('interval')) : intervalMs * 1000;
    const ms = (name === 'W' ? 1 : 0.75) * runMs;
    const count = Number(given.get('count') ?? Math.max(5, Math.floor((ms * 1000) / intervalUs)));
    const sized = given.get('size') === '32k' ? 32_768 : size;
    const own = [['interval', `${intervalUs / 1000}ms`], ['size', sized], ['count', count]]
      .filter(([key, value]) => !given.has(key) && value !== 0);
    const id = [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(16).padStart(8, '0')).join('');
    const parts = [query, ...own.map(([key, value]) => `${key}=${value}`), `id=${id}`].filter((part) => part !== '');
    const lateMs = variant.pace === 'late-byte' ? Core.LATE_MS : 0;
    const lastsMs = (intervalUs * count) / 1000 + lateMs;
    return { spec: { name, intervalUs, size: sized, count }, url: eventsUrl(parts.join('&')), id, lastsMs };
  });
}

// Only so many streams at once: what waits in the browser would look held. Nor do they begin at once: what a busy device
// has to do to begin with many would make the first events of each late.
const APART_MS = 50;

class Queue {
  constructor(most) {
    Object.assign(this, { most, running: 0, waiting: [], nextMs: 0 });
  }

  // Waits for its turn to begin.
  async turn() {
    const now = performance.now();
    const at = Math.max(this.nextMs, now);
    this.nextMs = at + APART_MS;
    await sleep(at - now);
  }

  async run(job) {
    if (this.running >= this.most) await new Promise((go) => this.waiting.push(go));
    else this.running++;
    try {
      await this.turn();
      return await job();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

export class Case {
  constructor(signal) {
    const counts = { done: 0, all: 0, begunUs: nowUs() };
    Object.assign(this, { signal, exchanges: [], isOver: false, isOurs: true, looks: [], ...counts });
    this.going = new Map();
    $('going').tBodies[0].replaceChildren();
    this.queue = new Queue(origin.protocol === null || origin.protocol.startsWith('http/1') ? AT_ONCE_OLD : AT_ONCE);
  }

  async askTime() {
    for (let n = 0; n < EXCHANGES && !this.signal.aborted; n++) {
      const found = await exchange(this.signal).catch(() => null);
      if (found === null) return;
      this.exchanges.push(found);
    }
  }

  // Asks for the origin's time until there is a result: some of the exchanges meet no busy moment.
  async keepAsking() {
    while (!this.isOver && !this.signal.aborted) {
      await sleep(ASK_EVERY_MS, this.signal);
      const found = await exchange(this.signal).catch(() => null);
      if (found !== null) this.exchanges.push(found);
    }
  }

  // Measures one variant.
  async look(variant, pace, runMs, how = variant.method() === 'POST' ? 'post' : 'fetch') {
    const streams = wanted(variant, pace, runMs);
    this.all += streams.length;
    // Beside the plain variant there is the same at the pace of the others, which has no row of its own.
    const tell = variant.is(Variant.plain()) && pace === 'one' ? () => {} : this.teller(variant, how);
    const found = await Promise.all(streams.map((stream) => this.queue.run(() => {
      tell('running');
      return this.measure(variant, stream, how);
    })));
    const query = new URL(streams[0].url).search.slice(1);
    const look = this.judge({ variant, how, pace, url: streams[0].url, query, found, again: null });
    tell(soFar(look));
    return look;
  }

  // Tells what becomes of a variant, while it does, in a row of its own.
  teller(variant, how) {
    const id = how === 'eventsource' ? BY_EVENT_SOURCE : nameOfVariant(variant);
    const cell = this.going.get(id) ?? make('td', 'waiting', { class: 'muted' });
    if (!cell.isConnected) {
      const request = make('td', METHODS[how], { class: 'wide' });
      $('going').tBodies[0].append(make('tr', [make('td', make('code', id)), request, cell]));
      this.going.set(id, cell);
    }
    return (what) => cell.replaceChildren(what);
  }

  async measure(variant, { spec, url, id, lastsMs }, how) {
    const [at, hiddenBefore, wasHidden] = [nowUs(), presence.hiddenUs, document.hidden];
    const recorder = new Recorder(spec, 'ours', at);
    const seen = { recorder, response: null, headUs: null, finding: null, hello: null, neverBegan: false };
    if (this.signal.aborted) return seen;
    const abort = new AbortController();
    const end = () => abort.abort();
    this.signal.addEventListener('abort', end);
    let timer = setTimeout(end, lastsMs + GRACE_MS);
    const on = this.listener(seen, at, () => {
      // It begins with its head: before that it may have waited for a connection, which other tabs use, too.
      clearTimeout(timer);
      timer = setTimeout(end, lastsMs + GRACE_MS);
    });
    const told = how === 'eventsource'
      ? await readByEventSource(url, spec, abort.signal, on)
      : await readByFetch(url, how, '', abort.signal, on, variant.has('plain-type'));
    clearTimeout(timer);
    this.signal.removeEventListener('abort', end);
    if (told.finding) seen.finding = told.finding;
    else recorder.end(told.how, nowUs());
    if (!told.finding && seen.headUs === null) seen.neverBegan = await this.neverBegan(id, at);
    seen.wasHidden = wasHidden || document.hidden || presence.hiddenUs > hiddenBefore;
    this.done++;
    this.progress();
    return seen;
  }

  // Whether a stream without so much as a head was never begun, or late: who lets so many requests through at a time keeps
  // the others back, and what is kept back says nothing about events.
  async neverBegan(id, requestedUs) {
    const clock = Clock.fromExchanges(this.exchanges);
    if (id === null || this.signal.aborted || clock === null) return false;
    try {
      const signal = limit(ASK_MOST_MS, this.signal);
      const response = await fetch(beside(`streams/${id}`), { cache: 'no-store', signal });
      if (response.status === 404) return true;
      const { opened_us: openedUs } = await response.json();
      return clock.toProbe(openedUs) - requestedUs > Core.BEGUN_LATE_US;
    } catch {
      return false;
    }
  }

  listener(seen, requestedUs, begins) {
    const { recorder } = seen;
    return {
      head: (response, at) => {
        begins();
        seen.headUs = at - requestedUs;
        if (response) seen.response = headOf(response);
      },
      read: (at, length) => recorder.read(at, length),
      comment: (end) => recorder.comment(end),
      retry: () => {},
      undecodable: () => recorder.undecodable(),
      event: ({ data, id, start, end }) => {
        const what = whatOf(recorder, this.exchanges.length > 0, data, id);
        if (what.kind === 'hello') seen.hello ??= parsed(data);
        recorder.event(what, start, end);
      },
    };
  }

  progress() {
    $('progress').max = this.all;
    $('progress').value = this.done;
  }

  say(text) {
    if (!this.signal.aborted) put('progress-text', text);
  }

  // What a look amounts to, by the clock as it is known now.
  judge(look) {
    const { variant, found } = look;
    const transits = found.map(({ recorder }) => recorder.leastTransitUs).filter((us) => us !== null);
    const clock = Clock.fromExchanges(this.exchanges) ??
      (transits.length === 0 ? null : Clock.fromLeastTransit(Math.min(...transits)));
    const { answer, streams, first, findings } = Core.sortOut(found, clock, stallsSoFar());
    if (!this.isOurs) for (const stream of streams) stream.origin = 'foreign';
    let verdict = Core.judge({ answer, streams, clock }).add(findings);
    if (this.signal.aborted && first.recorder.endUs === null && first.finding === null) {
      verdict = inconclusive('there was no time to look at it');
    }
    const isStream = !['not-sse', 'unreachable', 'silent', 'cut'].includes(verdict.verdict);
    if (variant.isQuiet() && isStream) verdict = inconclusive('it was not cut; so few events tell no more');
    const wasHidden = found.some((seen) => seen.wasHidden);
    if (answer.kind === 'stream' && wasHidden && variant.isSteady()) {
      verdict = inconclusive('the tab was hidden meanwhile');
    }
    const naming = Core.representative(streams);
    const header = (name) => first.response?.headers.find(([other]) => other === name)?.[1] ?? null;
    const samples = naming?.samples ?? [];
    return Object.assign(look, {
      verdict, streams, clock, naming,
      hello: found.find(({ hello }) => hello !== null)?.hello ?? null,
      response: first.response,
      headMs: first.headUs === null ? null : first.headUs / 1000,
      showsAccel: header('x-accel-buffering') !== null,
      coding: header('content-encoding'),
      end: Core.ending(streams),
      quietUs: naming?.endUs != null && naming.lumps.length > 0 ? naming.endUs - naming.lumps.at(-1).atUs : null,
      late: samples.filter((sample) => sample.lagUs > WITHIN_US).length / Math.max(samples.length, 1),
    });
  }

  // Looks at several at once, and once more at what is in doubt or was refused.
  async lookAt(wishes) {
    const looks = await Promise.all(wishes.map((wish) => this.look(...wish)));
    // Once more, for by now the clock is known better.
    for (const look of looks) this.judge(look);
    const isOpen = (look) => look.variant.isSteady() && look.how !== 'eventsource' && !this.signal.aborted &&
      (Core.isVoid(look) || (Core.isDoubtful(look) && !look.variant.is(Variant.plain())));
    await inView();
    const doubtful = looks.filter(isOpen);
    if (doubtful.length > 0) this.say(`Looking once more at what was in doubt: ${namesOf(doubtful)}.`);
    const second = await Promise.all(doubtful.map(({ variant, pace, how }) => this.look(variant, pace, AGAIN_MS, how)));
    second.forEach((look, n) => {
      const tells = !['inconclusive', 'unreachable'].includes(look.verdict.verdict);
      if (tells) Object.assign(doubtful[n], look);
    });
    return looks;
  }

  // What does as the plain variant does at the same pace is what the plain one, with more paces, was seen to be.
  refine(looks) {
    const [{ verdict: plain }] = this.looks;
    const { control } = this;
    if (Core.doesStream(control) || Core.isVoid(control) || plain.verdict === 'real-time') return;
    const isAsControl = (look) => look.variant.isSteady() && look !== this.looks[0] && Core.isLike(look, control);
    for (const look of looks.filter(isAsControl)) {
      look.verdict = new Verdict(plain.verdict, plain.hold, `it does as the plain variant does: ${plain.summary}`, []);
    }
  }

  async run() {
    try {
      return await this.tryAll();
    } finally {
      this.isOver = true;
    }
  }

  async tryAll() {
    await this.askTime();
    this.keepAsking();
    const plain = Variant.plain();
    this.isOurs = this.exchanges.length > 0 || !await this.isForeign();
    if (!this.isOurs) {
      const looks = await Promise.all(['fetch', 'eventsource'].map((how) => this.look(plain, 'own', RUN_MS, how)));
      const [look, byEventSource] = looks;
      Object.assign(this, { control: null, byEventSource, looks: [look] });
      return this.result([]);
    }
    const can = (variant) => !variant.changes.some((id) => CANT.includes(id));
    const without = (variant) => Variant.of(variant.changes.filter((id) => !CANT.includes(id)));
    const one = (variant) => [variant, 'one', RUN_MS * 0.75];
    const isPlain = (variant) => ['chunked', 'early-byte'].some((id) => variant.has(id));
    const singles = Variant.singles().filter((variant) => can(variant) && !isPlain(variant));
    const first = await this.lookAt([
      [plain, 'four', RUN_MS], one(plain), [plain, 'two', RUN_MS * 0.75, 'eventsource'],
      one(Variant.quiet()), one(Variant.heartbeat()), one(Variant.lateByte()),
      ...singles.map(one), ...Variant.everything().map(without).map(one),
    ]);
    const [look, control, byEventSource, ...others] = first;
    Object.assign(this, { control, byEventSource, looks: [look, ...others] });
    this.refine(this.looks);
    const pairs = this.signal.aborted ? [] : Core.pairs(this.looks).filter(can);
    if (pairs.length > 0) this.say('Nothing helps alone: trying pairs.');
    const paired = await this.lookAt(pairs.map((pair) => [pair, 'one', AGAIN_MS]));
    this.looks.push(...paired);
    this.refine(paired);
    const confirm = this.signal.aborted ? [] : Core.toConfirm(this.looks);
    if (confirm.length > 0) this.say(`Proving what helped: ${namesOf(confirm.map((variant) => ({ variant })))}.`);
    const again = confirm.length === 0 ? [] : await this.lookAt([
      one(plain),
      ...confirm.map((variant, n) => [variant, n === 0 && variant.isSteady() ? 'two' : 'one', RUN_MS * 0.75]),
    ]);
    for (const second of again) this.looks.find((look) => look.variant.is(second.variant)).again = second;
    return this.result(again);
  }

  // Whether somebody else sends the events. Who doesn't tell the time either is asked for nothing of ours until an event
  // shows that it is.
  async isForeign() {
    const [stream] = wanted(Variant.plain(), 'own', PATIENCE_US / 1000 + GRACE_MS);
    const { recorder } = await this.measure(Variant.plain(), stream, 'fetch');
    return recorder.firstEventUs === null || recorder.origin === 'foreign';
  }

  async result(again) {
    const [plain] = this.looks;
    const isGone = plain.verdict.verdict === 'cut' && await exchange(this.signal).then(() => false, () => true);
    await products(this.signal);
    const hop = Core.hopOf(plain.response?.headers ?? [], plain.hello, book);
    const found = Core.diagnose({
      tried: this.looks, again, control: this.control, isOurs: this.isOurs,
      originHttp: plain.hello?.http ?? null, isGone, isCutShort: this.signal.aborted, hop, cures: book.cures,
    });
    const { byEventSource: other } = this;
    const [a, b] = [plain.verdict.verdict, other.verdict.verdict];
    const notes = [...found.notes];
    if (a !== b && !Core.isVoid(other)) notes.push(`an EventSource sees something else than fetch(): ${b}, not ${a}`);
    if (this.exchanges.length === 0 && plain.headMs === null) {
      notes.push('not even the origin’s time was told: other tabs may use up the connections, of which a browser opens ' +
        'six to a server over HTTP/1.1');
    }
    notes.push('what a client accepts, identity or gzip, a page can’t choose: sse-argo-tester diagnose tries that, too');
    return { ...found, notes, hop, looks: this.looks, byEventSource: other, tookUs: nowUs() - this.begunUs };
  }
}

// What a look comes to, as long as there are others to compare it with.
function soFar(look) {
  if (look.variant.isQuiet()) return wordOf(look);
  if (Core.doesStream(look)) return badge('real-time');
  return Core.isVoid(look) ? 'no stream' : 'not in real time';
}

const namesOf = (looks) => looks.map(({ variant }) => nameOfVariant(variant)).join(', ');

// So long at most the origin is asked what became of a stream.
const ASK_MOST_MS = 3000;

export const inconclusive = (summary) => Verdict.unknown('inconclusive', summary);

