// @ts-nocheck
// The judging core: bytes of streams, and what else was seen of them, in; verdict and diagnosis out. Pure: it touches
// neither the document nor a clock, the network or storage, and every time comes in as an argument.
//
// Its twins are src/sse/decoder.rs, src/stats, src/verdict and, at the end, a part of src/probe/outcome.rs of the Rust
// program: the same rules under the same names in the same order, so that they can be read side by side; change both. The stories in tests/stories hold them together:
// tests/page has each of them judged by both, and every number and word must agree.
//
// Names that end in Us are whole microseconds, exact up to 2^53: atUs and the like on the page's own clock, since its
// start; sentUs on the origin's clock, Unix time, until a Clock has translated it. What isn't known is null.

/* What Rust has and JavaScript has not */

// Integers divide towards zero.
const div = (a, b) => Math.trunc(a / b);
const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
const sum = (values) => values.reduce((all, value) => all + value, 0);
const least = (values) => values.reduce((a, b) => (a !== null && a <= b ? a : b), null);
const most = (values) => values.reduce((a, b) => (a !== null && a >= b ? a : b), null);
// Of several, the first.
const leastBy = (values, key) => values.reduce((a, b) => (a !== null && key(a) <= key(b) ? a : b), null);
// Of several, the last.
const mostBy = (values, key) => values.reduce((a, b) => (a !== null && key(a) > key(b) ? a : b), null);
const isKnown = (value) => value !== null;
// What f makes of each two neighbours.
const neighbours = (values, f) => values.slice(1).map((value, n) => f(values[n], value));
// Typed, which sorts ten times as fast: a live stream is judged by thousands of values, every few seconds.
const sorted = (values) => Float64Array.from(values).sort();

/* escape */

// Control characters, and those that don't show but change what stands around them.
const OBEYED =
  /[\p{Cc}\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const ESCAPES = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const escaped = (text) => text.replace(OBEYED, (c) => ESCAPES[c] ?? `\\u{${c.codePointAt(0).toString(16)}}`);

// So many characters of a text, with three dots for the rest.
function shortened(text, max) {
  const all = [...text];
  return escaped(all.slice(0, max).join('')) + (all.length > max ? '...' : '');
}

// Text as Rust sees it: ASCII letters have cases, and white space is Unicode's.
const lower = (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const trimmed = (text) => text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '');

/* sse/decoder */

// Longest line, and most data of one event, in bytes: a stream without line breaks must not fill the memory.
const LINE_MAX = 16 * 1024 * 1024;
const [LF, CR] = [10, 13];

/**
 * Decodes an event stream to the letter of WHATWG HTML, section 9.2.6. Bytes go in as they come, cut anywhere; items come
 * out as soon as the byte that completes them is there. They go to `on`: event({type, data, id, start, end}), comment(end),
 * retry(ms), where start and end are offsets of bytes.
 */
class Decoder {
  // lastId: the last event ID of the stream that this one continues.
  constructor(on, lastId = '') {
    Object.assign(this, {
      on,
      offset: 0,
      // The unfinished line: its text, its bytes, and where it begins.
      line: '', size: 0, lineStart: 0,
      // Where the first field of the unfinished block begins.
      blockStart: null,
      // The byte before was CR: an LF now belongs to it. A line that ends in CR is complete without waiting for that.
      isAfterCr: false,
      isFirstLine: true,
      data: [], dataSize: 0, type: '', id: lastId,
      utf8: new TextDecoder('utf-8', { ignoreBOM: true }),
    });
  }

  /** Takes the next bytes. False if a line or an event is too long: then the decoder is of no use any more. */
  feed(bytes) {
    for (let at = 0; at < bytes.length;) {
      const isOfCr = this.isAfterCr && bytes[at] === LF;
      this.isAfterCr = false;
      if (isOfCr) {
        at++;
        this.lineStart = ++this.offset;
        continue;
      }
      let end = at;
      while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
      this.size += end - at;
      if (this.size > LINE_MAX) return false;
      this.line += this.utf8.decode(bytes.subarray(at, end), { stream: true });
      this.offset += end - at;
      if (end < bytes.length) {
        this.isAfterCr = bytes[end] === CR;
        this.offset++;
        this.endLine();
        if (this.dataSize > LINE_MAX) return false;
      }
      at = end + 1;
    }
    return true;
  }

  endLine() {
    const [start, whole] = [this.lineStart, this.line + this.utf8.decode()];
    const line = this.isFirstLine && whole.startsWith('\ufeff') ? whole.slice(1) : whole;
    const { size } = this;
    Object.assign(this, { line: '', size: 0, lineStart: this.offset, isFirstLine: false });
    if (line === '') this.endBlock();
    else if (line.startsWith(':')) this.on.comment(this.offset);
    else {
      this.blockStart ??= start;
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
      this.field(name, value, size);
    }
  }

  field(name, value, size) {
    if (name === 'data') {
      this.data.push(value);
      this.dataSize += size;
    } else if (name === 'event') this.type = value;
    else if (name === 'id' && !value.includes('\0')) this.id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.on.retry(Number(value));
  }

  // Dispatches the event, if the block holds one.
  endBlock() {
    const { data, type, id, blockStart: start, offset: end } = this;
    Object.assign(this, { data: [], dataSize: 0, type: '', blockStart: null });
    if (data.length > 0) this.on.event({ type: type || 'message', data: data.join('\n'), id, start, end });
  }
}

/* stats */

// Reads less than this apart belong to one lump.
const LUMP_GAP_US = 15_000;
// The latest time of an origin's clock that is taken for one, in Unix microseconds: 2255.
const TIME_MAX_US = 2 ** 53;

/**
 * What was asked for.
 * @typedef {object} Spec
 * @property {string} name a short name, for texts: S, M, L, W
 * @property {number} intervalUs from one event to the next
 * @property {number} size bytes of data asked for in each event; 0 for the least
 * @property {?number} count number of events; null for an endless stream
 */

// How long the origin needs to send all of it.
const plannedUs = ({ intervalUs, count }) => (count === null ? null : intervalUs * count);

/**
 * How a stream ended: by us, the time being over; as the framing says; before that; with a reset of the connection; by
 * the path, after nothing had been sent for a while; by the path, at a certain age; not at all.
 * @typedef {'ours'|'clean'|'truncated'|'reset'|'idle-cut'|'lifetime-cut'|'none'} Ending
 */

// Somebody else ended it.
const isTheirs = (ending) => ending !== 'ours' && ending !== 'none';

/* stats/clock */

// The doubt about a clock that was never asked for.
const UNKNOWN_US = 2 ** 61;

const roundTripUs = ({ t0Us, t3Us }) => t3Us - t0Us;
const usable = (exchanges) => exchanges.filter((exchange) => roundTripUs(exchange) >= 0);

/**
 * How the origin's clock relates to the page's.
 * offsetUs: the origin's clock less the page's. errorUs: the offset is wrong by this at most, half the least round trip.
 * pathUs: what the path takes one way when nothing is held, to be taken off every lag. doubtUs: the part of the error
 * that may hide a lag. isMeasured: there was an exchange at all. contradictionUs: by how much exchanges contradict each
 * other at least.
 */
class Clock {
  constructor(fields) {
    Object.freeze(Object.assign(this, fields));
  }

  /**
   * The clock after some exchanges {t0Us, t1Us, t3Us} (asked, the origin's time, answered), of which the one with the
   * least round trip counts, as in NTP. Null without a usable exchange.
   * @param {?number} connectUs how long the TCP handshake took, if one was made and is known: that part of the round
   *   trip is in no doubt
   */
  static fromExchanges(exchanges, connectUs = null) {
    const best = leastBy(usable(exchanges), roundTripUs);
    if (best === null) return null;
    const half = div(roundTripUs(best), 2);
    return new Clock({
      offsetUs: best.t1Us - best.t0Us - half,
      errorUs: half,
      pathUs: half,
      doubtUs: half - div(Math.min(connectUs ?? 0, roundTripUs(best)), 2),
      isMeasured: true,
      contradictionUs: contradictionUs(exchanges),
    });
  }

  /**
   * The clock when nothing is known but the least of all arrival − sent: waits can be compared, a lag that every event
   * has can't be seen.
   */
  static fromLeastTransit(transitUs) {
    const unknown = { errorUs: UNKNOWN_US, pathUs: 0, doubtUs: UNKNOWN_US, isMeasured: false, contradictionUs: 0 };
    return new Clock({ offsetUs: -transitUs, ...unknown });
  }

  /** A time of the origin's clock on the page's. */
  toProbe(originUs) {
    return originUs - this.offsetUs;
  }

  /** How much longer than the path needs it took from sentUs (origin's clock) to atUs (page's). */
  excessUs(sentUs, atUs) {
    return atUs - this.toProbe(sentUs) - this.pathUs;
  }
}

// The origin took its time between the request and the answer, so that each exchange has bounds for the offset: how far
// apart those of different exchanges are.
function contradictionUs(exchanges) {
  const leastUs = most(usable(exchanges).map(({ t1Us, t3Us }) => t1Us - t3Us));
  const mostUs = least(usable(exchanges).map(({ t1Us, t0Us }) => t1Us - t0Us));
  return leastUs === null ? 0 : Math.max(leastUs - mostUs, 0);
}

/* stats/sequence */

// Numbers that were skipped and may still come; of more, the oldest are given up as missing.
const GAPS_MAX = 4096;

// Which numbered events came, came again, came late, or not at all.
class Sequence {
  // Numbers that begin at first, or with whatever comes first.
  constructor(first) {
    Object.assign(this, { next: first, gaps: new Set(), missing: 0 });
  }

  // Takes the next number: it is new, or new but behind a later one, or came before.
  see(seq) {
    const next = this.next ?? seq;
    if (seq >= next) {
      this.missing += seq - next;
      for (let gap = Math.max(next, seq - GAPS_MAX); gap < seq; gap++) this.gaps.add(gap);
      // A set keeps its order, so that the first is the least.
      while (this.gaps.size > GAPS_MAX) this.gaps.delete(this.gaps.values().next().value);
      this.next = seq + 1;
      return 'new';
    }
    if (!this.gaps.delete(seq)) return 'repeated';
    this.missing--;
    return 'reordered';
  }
}

/* stats/thinned */

// Most values that are kept.
const KEPT_MAX = 8192;

// Every value of a series; of a long one every 2nd, 4th, 8th …, so that shares and quantiles stay right.
class Thinned {
  kept = [];
  stride = 1;
  seen = 0;

  push(value) {
    if (this.seen % this.stride === 0) this.kept.push(value);
    this.seen++;
    if (this.kept.length === KEPT_MAX) {
      this.kept = this.kept.filter((_, n) => n % 2 === 0);
      this.stride *= 2;
    }
  }
}

// The value below which a share of the sorted values lie (nearest rank); null of no values.
const quantile = (values, share) => values[Math.max(Math.ceil(share * values.length), 1) - 1] ?? null;

/* stamp */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// What the data of one of the origin's events says: {seq, sentUs, intact}; null if it is not stamped.
function stamp(text) {
  const { seq = null, sent_us: sentUs, fill = '', crc32: check = null } = parsed(text) ?? {};
  const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
  const isText = (value) => typeof value === 'string';
  if (!isNumber(sentUs) || !(seq === null || isNumber(seq)) || !isText(fill) || !(check === null || isText(check))) {
    return null;
  }
  const isRight = () => /^\+?[0-9a-f]+$/i.test(check) && parseInt(check, 16) === crc32(fill);
  return { seq, sentUs, intact: check === null ? seq === null : isRight() };
}

/* stats/recorder */

// Most lumps that are kept: the first one, and the newest.
const LUMPS_MAX = 4096;

/**
 * An event, as far as the record cares: our origin's hello event {kind: 'hello', sentUs}; a numbered one
 * {kind: 'numbered', seq, sentUs, intact}; one that should be one of these and can't be read {kind: 'unreadable'};
 * another origin's {kind: 'foreign', id}, its id null unless it is a number. Times are the origin's.
 * @param {'ours'|'foreign'} origin
 * @param {string} data the event's data
 * @param {string} id the last event ID
 */
function whatOf(origin, data, id) {
  if (origin === 'foreign') {
    return { kind: 'foreign', id: /^\+?\d+$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : null };
  }
  const { seq, sentUs, intact } = stamp(data) ?? { sentUs: Infinity };
  if (sentUs > TIME_MAX_US) return { kind: 'unreadable' };
  return seq === null ? { kind: 'hello', sentUs } : { kind: 'numbered', seq, sentUs, intact };
}

/** The record of one stream, while it runs. */
class Recorder {
  /**
   * The record of a stream that was requested at requestedUs. One without a count, which may resume another, may begin
   * with any number.
   * @param {Spec} spec
   * @param {'ours'|'foreign'} origin
   */
  constructor(spec, origin, requestedUs) {
    Object.assign(this, {
      spec, origin, requestedUs,
      sequence: new Sequence(spec.count === null ? null : 1),
      received: 0, duplicated: 0, reordered: 0, corrupt: 0, heartbeats: 0,
      samples: new Thinned(),
      // The one with the longest transit.
      worst: null,
      // The least arrival − sent of all events, for Clock.fromLeastTransit.
      leastTransitUs: null,
      firstSentUs: null, lastSentUs: null,
      gaps: new Thinned(), longestGapUs: 0,
      firstEventUs: null, lastEventUs: null,
      lumps: [],
      // Lumps that completed more than one event, and the most that one did.
      bursts: { count: 0, largest: 0 },
      contentBytes: 0,
      firstReadUs: null,
      // Between two reads before the last.
      longestPauseUs: 0,
      how: 'none', endUs: null,
      foreignId: null,
    });
  }

  /**
   * A read returned at atUs. With it the body has bodyEnd bytes, transfer coding removed, and the content, which is the
   * body with its content coding removed, contentEnd bytes. Who knows the content alone gives it for both.
   *
   * Call it before the items that the read completes.
   */
  read(atUs, bodyEnd, contentEnd = bodyEnd) {
    this.firstReadUs ??= atUs;
    const contentStart = this.contentBytes;
    this.contentBytes = contentEnd;
    const together = Math.min(LUMP_GAP_US, div(this.spec.intervalUs * 3, 4));
    const lump = this.lumps.at(-1);
    if (lump) this.longestPauseUs = Math.max(this.longestPauseUs, atUs - lump.untilUs);
    if (lump && atUs - lump.untilUs < together) {
      Object.assign(lump, { untilUs: atUs, bodyEnd, contentEnd });
      return;
    }
    if (this.lumps.length === LUMPS_MAX) this.lumps.splice(1, 1);
    const nothing = { boundary: 0, events: 0, oldestUs: null };
    this.lumps.push({ atUs, untilUs: atUs, bodyEnd, contentStart, contentEnd, ...nothing });
  }

  /** The last read completed a comment that ends at byte `end` of the content. */
  comment(end) {
    this.heartbeats++;
    const lump = this.lumps.at(-1);
    if (lump) lump.boundary = end;
  }

  /** The last read completed an event, told by {@link whatOf}, that spans the bytes from start to end of the content. */
  event(what, start, end) {
    const lump = this.lumps.at(-1);
    if (!lump) return;
    const atUs = lump.untilUs;
    lump.boundary = end;
    lump.events++;
    this.bursts.count += lump.events === 2 ? 1 : 0;
    this.bursts.largest = Math.max(this.bursts.largest, lump.events);
    const previous = this.lastEventUs;
    this.lastEventUs = atUs;
    this.firstEventUs ??= atUs;
    if (previous !== null) {
      this.gaps.push(atUs - previous);
      this.longestGapUs = Math.max(this.longestGapUs, atUs - previous);
    }
    const { kind, seq = 0, sentUs } = what;
    if (kind === 'hello') this.sample({ seq, sentUs, atUs }, start, end);
    else if (kind === 'numbered') {
      this.corrupt += what.intact ? 0 : 1;
      if (this.count(seq)) this.sample({ seq, sentUs, atUs }, start, end);
    } else if (kind === 'foreign') this.foreign(what.id);
    else this.corrupt++;
  }

  // Counts a number; whether it is new.
  count(seq) {
    const fit = this.sequence.see(seq);
    this.received += fit === 'repeated' ? 0 : 1;
    this.reordered += fit === 'reordered' ? 1 : 0;
    this.duplicated += fit === 'repeated' ? 1 : 0;
    return fit !== 'repeated';
  }

  sample(sample, start, end) {
    const transit = sample.atUs - sample.sentUs;
    if (this.worst === null || transit > this.worst.atUs - this.worst.sentUs) this.worst = sample;
    this.leastTransitUs = Math.min(this.leastTransitUs ?? transit, transit);
    this.firstSentUs ??= sample.sentUs;
    this.lastSentUs = Math.max(this.lastSentUs ?? sample.sentUs, sample.sentUs);
    this.samples.push(sample);
    // Lumps may have brought parts of the event; its stamp is known only now.
    for (let n = this.lumps.length - 1; n >= 0 && this.lumps[n].contentEnd > start; n--) {
      if (this.lumps[n].contentStart < end) this.lumps[n].oldestUs ??= sample.sentUs;
    }
  }

  foreign(id) {
    this.received++;
    if (id === null) return;
    // The last event ID stays when an event has none: the same one again tells nothing.
    this.reordered += this.foreignId !== null && id < this.foreignId ? 1 : 0;
    this.foreignId = id;
  }

  /** What came is no event stream any more. */
  undecodable() {
    this.corrupt++;
  }

  /** The stream ended, or was ended, at endUs. @param {Ending} how */
  end(how, endUs) {
    Object.assign(this, { how, endUs });
  }

  /** The origin sends what it likes instead of what was asked for: small events at this interval, without end. */
  isOfOtherPace(intervalUs) {
    this.spec = { name: this.spec.name, intervalUs: Math.max(intervalUs, 1), size: 0, count: null };
  }

  /* stats/summary */

  /**
   * What the record amounts to. Without a clock there are no lags and no waits. The stalls {fromUs, toUs} are the times
   * in which the page itself was late, in any order: its timer woke up at toUs instead of fromUs.
   * @returns {Summary}
   */
  summary(clock, stalls = []) {
    const { spec, origin, requestedUs, received, firstEventUs, lastEventUs, heartbeats, contentBytes, endUs } = this;
    const samples = clock === null ? [] : this.samples.kept.map((sample) => fair(sample, clock, stalls));
    const isOver = this.how === 'clean' || (spec.count !== null && received >= spec.count);
    const isStamped = clock !== null && this.lastSentUs !== null;
    const allSentUs = isStamped && isOver ? clock.toProbe(this.lastSentUs) - slackUs(clock) : null;
    return new Summary({
      spec, origin, requestedUs, firstByteUs: this.firstReadUs, firstEventUs, lastEventUs,
      counts: this.counts(),
      heartbeats, bytes: this.lumps.at(-1)?.bodyEnd ?? 0, contentBytes,
      lag: clock?.isMeasured ? this.lag(samples, clock, stalls) : null,
      gap: this.gap(),
      bursts: { ...this.bursts },
      samples,
      excused: samples.filter((sample) => stallAt(sample.atUs, stalls)).length,
      lumps: this.seenLumps(clock, stalls, allSentUs),
      allSentUs,
      staleUs: isStamped ? requestedUs - clock.toProbe(this.firstSentUs) : null,
      end: this.ending(), endUs,
    });
  }

  counts() {
    const { received, duplicated, reordered, corrupt } = this;
    return { received, expected: this.spec.count, missing: this.sequence.missing, duplicated, reordered, corrupt };
  }

  lag(samples, clock, stalls) {
    if (samples.length === 0) return null;
    const lags = sorted(samples.map((sample) => sample.lagUs));
    const at = (share) => quantile(lags, share) / 1000;
    const max = Math.max(lags.at(-1), fair(this.worst, clock, stalls).lagUs) / 1000;
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
  }

  gap() {
    const gaps = sorted(this.gaps.kept);
    const at = (share) => (quantile(gaps, share) ?? 0) / 1000;
    return { p50: at(0.5), p99: at(0.99), max: this.longestGapUs / 1000 };
  }

  // The lumps that brought content. Bytes that brought none, such as the head of a compressed body, count for the next
  // that does.
  seenLumps(clock, stalls, allSentUs) {
    let bodyStart = 0;
    return this.lumps.filter((lump) => lump.contentEnd > lump.contentStart).map((lump) => {
      const bytes = lump.bodyEnd - bodyStart;
      bodyStart = lump.bodyEnd;
      const isKnownWait = clock !== null && lump.oldestUs !== null;
      return {
        atUs: lump.atUs,
        waitUs: isKnownWait ? fair({ seq: 0, sentUs: lump.oldestUs, atUs: lump.atUs }, clock, stalls).lagUs : null,
        bytes,
        contentBytes: lump.contentEnd - lump.contentStart,
        events: lump.events,
        // The line feed of a CR LF may be left over.
        isWhole: lump.contentEnd - lump.boundary <= 1,
        isClosing: allSentUs !== null && lump.atUs >= allSentUs,
      };
    });
  }

  // How it ended. A path that cuts what is idle shows by a last pause longer than any that it let pass.
  ending() {
    const isEarly = this.spec.count !== null && this.received < this.spec.count;
    const lastReadUs = this.lumps.at(-1)?.untilUs ?? this.requestedUs;
    const pause = this.endUs === null ? 0 : this.endUs - lastReadUs;
    const isLongest = pause > this.longestPauseUs + div(this.longestPauseUs, 4);
    // If nothing came at all, something may be held: then it is idle only if nothing was sent meanwhile.
    const isIdle = this.lumps.length === 0 ? pause <= this.spec.intervalUs : isLongest;
    return isTheirs(this.how) && isEarly && pause >= IDLE_LEAST_US && isIdle ? 'idle-cut' : this.how;
  }
}

/**
 * What was seen of one stream. Its size is bounded.
 *
 * spec, origin, requestedUs, firstByteUs, firstEventUs, lastEventUs; counts {received, expected, missing, duplicated,
 * reordered, corrupt}; heartbeats; bytes (of the body), contentBytes; lag {p50, p90, p99, max} in milliseconds, null
 * without stamps or clock; gap {p50, p99, max} in milliseconds between arrivals; bursts {count, largest}; samples
 * [{seq, sentUs, atUs, lagUs}] of events, 0 being the hello event; excused: events that came when the page itself was
 * late; lumps [{atUs, waitUs, bytes, contentBytes, events, isWhole, isClosing}]; allSentUs: when the origin may have
 * sent all; staleUs: the first event was sent so much before the request; end, endUs.
 */
class Summary {
  constructor(fields) {
    Object.assign(this, fields);
  }

  /** All events came. */
  isComplete() {
    return this.spec.count !== null && this.counts.received >= this.spec.count;
  }

  /** How long after the request it ended, or ran until the last event. */
  lastedUs() {
    return (this.endUs ?? this.lastEventUs ?? this.requestedUs) - this.requestedUs;
  }

  /** Bytes of the body per event, on average. */
  eventBytes() {
    return div(this.bytes, Math.max(this.counts.received, 1));
  }
}

// A clock that may be wrong by more is not believed to be.
const SLACK_MOST_US = 200_000;

// By how much the end may come earlier than it seems.
const slackUs = (clock) => (clock.isMeasured ? Math.min(clock.errorUs, SLACK_MOST_US) : 0);

// No path cuts a stream that was idle for less.
const IDLE_LEAST_US = 2_000_000;

// The event with its lag, less the time for which it may have lain ready while the page was late.
function fair(raw, clock, stalls) {
  let lagUs = clock.excessUs(raw.sentUs, raw.atUs);
  const stall = stallAt(raw.atUs, stalls);
  if (stall) lagUs = Math.max(lagUs - (raw.atUs - stall.fromUs), Math.min(lagUs, 0));
  return { seq: raw.seq, sentUs: clock.toProbe(raw.sentUs), atUs: raw.atUs, lagUs };
}

// The stall in which something that was seen at atUs may have come. What has piled up is read right behind it.
function stallAt(atUs, stalls) {
  for (const stall of stalls) if (stall.fromUs <= atUs && atUs <= stall.toUs + LUMP_GAP_US) return stall;
  return null;
}

/* verdict/findings */

// Every finding's id, how bad it is, and what to do. What only a command line can do is left out.
const FINDINGS = new Map([
  ['held-until-close', 'fail', 'something reads the whole response before it passes it on: turn response buffering off in the proxy, or exempt text/event-stream from whatever inspects bodies'],
  ['batched-bytes', 'fail', "a buffer or a compressor is flushed only when it is full, so that padding at the start doesn't help: turn response buffering or compression of text/event-stream off"],
  ['batched-time', 'fail', 'something flushes by a timer: look for a flush interval, a polling relay or a corked socket'],
  ['start-bytes', 'fail', 'something waits for so many bytes before it begins: a comment of that length as the first thing in the body makes it flow at once'],
  ['start-time', 'fail', "something waits at the start, such as a body inspection with a time limit: padding doesn't help; look for that limit"],
  ['constant-lag', 'fail', 'look for a corked socket (Nagle, TCP_CORK, about 200 ms), a delay that was put in, or a detour'],
  ['one-event', 'fail', 'something keeps the end of each write until more comes, as compressors do: turn compression of text/event-stream off (Cache-Control: no-transform, or no Accept-Encoding), or send a comment right behind each event'],
  ['silent', 'fail', 'the response never reaches the client, not even when it ends: look for a limit on streaming responses, or for a proxy that waits for a Content-Length'],
  ['lost', 'fail', "events sent are gone for good; a client that resumes with Last-Event-ID doesn't notice"],
  ['repeated', 'fail', 'something sent the request a second time, or replays what it has stored: check retries of GET requests and caches'],
  ['reordered', 'fail', "one TCP connection can't do that: something splits the stream or merges several"],
  ['changed', 'fail', 'something rewrites bodies: look for minification, character set conversion or injected scripts, and say Cache-Control: no-transform'],
  ['replay', 'fail', 'a cache serves what another client was sent: say Cache-Control: no-store'],
  ['cut-truncated', 'fail', 'a client notices and reconnects; look for limits on responses in the path, or for one of its parts that restarts'],
  ['cut-clean', 'fail', "a client can't tell that from the end of the stream: say so in the stream itself, with a last event"],
  ['cut-reset', 'fail', 'a part of the path went away or killed the connection'],
  ['idle-cut', 'fail', 'send a comment as heartbeat at less than half that time'],
  ['lifetime-cut', 'fail', "heartbeats don't help: raise the limit, or end streams yourself before that and let clients resume with Last-Event-ID"],
  ['hanging', 'fail', "the client isn't told that the stream ended: let it reconnect when nothing came for longer than a heartbeat"],
  ['unsteady', 'warn', 'measure again, for longer; a radio link or a busy machine looks like that'],
  ['big-events', 'warn', 'small events pass; if yours are large or frequent, this is what they meet'],
  ['falls-behind', 'warn', 'the path has a limit on bytes a second, per stream or for all: look for a rate limit, or send less'],
  ['still-held', 'warn', 'padding at the start cures the first hold only'],
  ['clock-error', 'warn', 'repeat it closer to the origin, or with a larger tolerance'],
  ['no-clock', 'warn', 'let the path pass requests for the time, which lies beside the stream'],
  ['other-pace', 'warn', 'something drops or rewrites the query, or answers with another stream: look at the target that the origin saw; thresholds are rough ones then'],
  ['too-short', 'warn', 'let it run for longer'],
  ['content-held', 'info', 'a compressor does that: what compresses well stays inside for long'],
  ['compressed', 'info', 'the response is compressed; the number of bytes is that of the compressed body'],
  ['held-then-compressed', 'info', 'a buffer in front of a compressor holds them; the number of bytes is that of the events before compression'],
  ['close-or-larger', 'info', 'a hold of more bytes than were sent, or for longer than the streams ran, looks the same'],
  ['start-or-lasting', 'info', 'whether it is held again afterwards takes a second release: run it for longer'],
  ['time-or-bytes', 'info', "one pace can't tell bytes from time: run streams of different pace"],
  ['long-hold', 'info', 'with few releases the time is a rough one, and a lasting hold may be one at the start: run it for longer'],
  ['timer-or-constant', 'info', 'to such events a timer is a constant lag: each comes alone, late by up to that time'],
  ['cork', 'info', 'about 200 ms is how long Linux keeps a corked or unacknowledged segment: TCP_NODELAY helps (haproxy: option http-no-delay)'],
  ['one-event-or-constant', 'info', 'a constant lag as long as the interval looks the same: run streams of different intervals'],
  ['intervals-within', 'info', 'events that come only with the next one would look the same: run a stream with an interval above the tolerance'],
  ['silent-or-longer', 'info', "a hold for longer than the window, of a response whose end isn't passed on either, looks the same"],
  ['own-stalls', 'info', 'this machine is busy: measure again when it is not'],
  ['streams-refused', 'warn', 'something limits how many streams run at once: a second tab, or a busy day, meets the same'],
  ['query-lost', 'warn', "something on the path drops or changes the query, or answers several requests with one stream: the streams have the origin's own pace then, which tells less about bytes and time"],
  ['no-head', 'info', "the server doesn't answer, or something keeps the head until the body, or its end, comes: a proxy's log may tell"],
  ['redirected', 'info', 'give the last URL, and clients save a round trip'],
  ['no-stamps', 'info', "the origin isn't this program's: when events were sent is unknown, so that a constant lag, or what the origin itself holds back, can't be told"],
  ['quiet', 'info', 'an origin that has nothing to say looks the same as a path that holds everything'],
  ['bursty', 'warn', "an origin that sends several at once looks the same as a path that holds them: compare with a request that doesn't take this path"],
  ['ids-go-back', 'info', 'an origin may number its events as it likes'],
  ['login-page', 'fail', 'log in with a browser'],
  ['bot-challenge', 'fail', "an EventSource can't pass it: exempt the stream's path from it, or let this client's address pass"],
  ['browser-warning', 'fail', "the tunnel's manual names a header field that skips it"],
  ['unauthorized', 'fail', ''],
  ['proxy-unauthorized', 'fail', 'a proxy on the way out wants credentials'],
  ['captive-portal', 'fail', 'the network wants a login before it lets anything pass: open any http page in a browser'],
  ['forbidden', 'fail', 'are credentials wanted, or does something in between block programs, this address or this method?'],
  ['not-found', 'fail', 'is the path right, and does the proxy pass it on unchanged?'],
  ['method-not-allowed', 'fail', 'try another method'],
  ['not-acceptable', 'fail', 'the server has nothing of the type text/event-stream here'],
  ['upgrade-required', 'fail', 'it wants another protocol: a WebSocket perhaps, or a newer HTTP than a proxy in between speaks'],
  ['too-many-requests', 'fail', 'try again later; each stream that is open may count, so raise the limit for its path'],
  ['refused', 'fail', 'is the URL right, and does it want other header fields, or parameters?'],
  ['redirect-nowhere', 'fail', 'there is no usable Location: is the URL complete, and is it http or https?'],
  ['redirect-loop', 'fail', 'does it want to set a cookie, or a login? behind a proxy that ends TLS, does the origin redirect to https what came by https?'],
  ['redirect-of-body', 'fail', 'try the URL that it redirects to'],
  ['bad-gateway', 'fail', 'is the origin running where the proxy or tunnel looks for it, and does it speak the protocol that is expected there?'],
  ['unavailable', 'fail', 'the service is down, starting or full, says something in between or the origin itself: its log should tell why'],
  ['gateway-timeout', 'fail', 'send the head and a first comment at once, whether there is an event or not; or the proxy waits for the end of the response'],
  ['origin-answer', 'fail', 'does the origin crash, close early, or send more than 128 KiB of header fields?'],
  ['origin-refused', 'fail', "is it running, does it listen on the port that is expected, and does its firewall let the edge's addresses pass?"],
  ['origin-timeout', 'fail', "is the address right, and does a firewall drop what comes from the edge's addresses?"],
  ['origin-unreachable', 'fail', 'is the address in the DNS record right, and is there a route to it?'],
  ['origin-tls', 'fail', 'has the origin a valid certificate for this name, and TLS on the port that is expected?'],
  ['origin-dns', 'fail', 'does the name that the DNS record or the rule points to exist?'],
  ['tunnel-down', 'fail', "is the tunnel's client (cloudflared, ngrok, ...) running and connected, and is this still its URL?"],
  ['edge-error', 'fail', "look its code up in the provider's manual"],
  ['server-error', 'fail', 'the origin or something in between failed: its log should tell why'],
  ['html-page', 'fail', "a login, an error page, an application that answers every path with its page, or a network's portal: open it in a browser, and is the URL the stream's?"],
  ['wrong-type', 'fail', "an event stream has the content type text/event-stream: is the URL the stream's, and does something in between change the type?"],
  ['no-content', 'fail', 'it tells an EventSource to stop reconnecting: is there nothing to send, or nothing behind the last event ID?'],
  ['odd-status', 'fail', 'an EventSource takes the status 200 and no other'],
  ['content-encoding', 'fail', 'something compresses without being asked'],
  ['unusable', 'fail', 'a URL is [http[s]://]HOST[:PORT][/PATH][?QUERY]'],
  ['unreachable-dns', 'fail', 'is the name right?'],
  ['unreachable-tcp', 'fail', 'is it running, and are address and port right?'],
  ['unreachable-tls', 'fail', 'is it https?'],
  ['no-answer', 'fail', "is it http or https, and does a server's or a proxy's log tell why?"],
  ['not-http', 'fail', 'is the port right?'],
].map(([id, severity, advice]) => [id, Object.freeze({ severity, advice })]));

const SEVERITIES = ['info', 'warn', 'fail'];

/**
 * What happened, and why it matters or what to try.
 * @param {string} id one of Core.FINDINGS
 * @param {string} text what happened
 * @param {string} [advice] one that fits better than the one that all of its id have
 * @returns {{id: string, severity: 'info'|'warn'|'fail', text: string, advice: string}}
 */
function finding(id, text, advice = '') {
  const entry = FINDINGS.get(id);
  if (!entry) throw new RangeError(`there is no finding ${id}`);
  return { id, severity: entry.severity, text, advice: advice || entry.advice };
}

/** A time as people read it: `204 ms`, `2.9 s`. */
function time(us) {
  if (us < 1_000_000) return `${div(us + 500, 1000)} ms`;
  // Rust rounds what lies in the middle to the even digit.
  const isMiddle = us % 500_000 === 250_000;
  return `${(isMiddle ? 2 * Math.round(us / 200_000) / 10 : us / 1e6).toFixed(1)} s`;
}

/** A number of events as people read it. */
const events = (count) => (count === 1 ? '1 event' : `${count} events`);

/* verdict */

// Most an event may lag and still be in real time, unless another is asked for.
const WITHIN_US = 100_000;

/**
 * What is held, and until when: bytes of the body, milliseconds.
 * @typedef {{kind: 'none'|'start-bytes'|'start-time'|'bytes'|'time'|'constant'|'one-event'|'close'|'unknown',
 *   bytes: ?number, ms: ?number}} Hold
 */
const holdOf = (kind, numbers = {}) => ({ kind, bytes: null, ms: null, ...numbers });

/**
 * The judgement with its reasons. verdict: one of real-time, late-start, batched, lagging, held-until-close, silent, cut,
 * corrupt, not-sse, unreachable, inconclusive; hold; summary: one sentence, lowercase, without a final dot; findings, the
 * worst first.
 */
class Verdict {
  constructor(verdict, hold, summary, findings = []) {
    Object.assign(this, { verdict, hold, summary, findings });
  }

  static unknown(verdict, summary, findings) {
    return new Verdict(verdict, holdOf('unknown'), summary, findings);
  }

  // Adds a finding.
  with(id, text) {
    this.findings.push(finding(id, text));
    return this;
  }

  /** Adds findings, and keeps the worst first. */
  add(findings) {
    this.findings.push(...findings);
    this.findings.sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
    return this;
  }
}

/**
 * Judges.
 * @param {object} evidence
 * @param {{kind: 'stream'}|{kind: 'not-sse'|'unreachable', finding: object}} evidence.answer whether there were streams
 *   at all; if not, the finding that says why
 * @param {Summary[]} evidence.streams what was seen of them: one or more
 * @param {?Clock} evidence.clock the one that their summaries were made with
 * @param {number} [evidence.withinUs] most an event may lag and still be in real time
 * @returns {Verdict}
 */
function judge({ answer, streams, clock, withinUs = WITHIN_US }) {
  return judged({ answer, streams, clock, withinUs }).add([]);
}

function judged(evidence) {
  const { answer, streams, withinUs } = evidence;
  if (answer.kind !== 'stream') return Verdict.unknown(answer.kind, answer.finding.text, [answer.finding]);
  if (streams.length === 0) return Verdict.unknown('inconclusive', 'there was no stream to judge by');
  return streams.some((stream) => stream.origin === 'foreign') ? judgeForeign(streams, withinUs) : judgeOurs(evidence);
}

/**
 * The stream that names the verdict, and whose numbers represent the path: the slowest in bytes a second that has enough
 * events for numbers, of the smallest events. Null of none.
 */
function representative(streams) {
  const smallest = least(streams.map((stream) => stream.spec.size));
  const naming = streams.filter((stream) => stream.spec.size === smallest);
  return mostBy(naming, (stream) => stream.spec.count ?? stream.counts.received);
}

/**
 * How the run ended, and how many microseconds after its request: as the first stream did that somebody else ended too
 * early, else as the representative one.
 * @returns {[Ending, ?number]}
 */
function ending(streams) {
  const stream = leastBy(streams.filter(isCut), (stream) => stream.endUs) ?? representative(streams);
  if (stream === null) return ['none', null];
  const how = isLifetimeCut(streams) ? 'lifetime-cut' : stream.end;
  return [how, stream.endUs === null ? null : stream.endUs - stream.requestedUs];
}

// Exchanges that contradict each other by less may differ by a drift.
const CONTRADICTION_US = 50_000;

function judgeOurs(evidence) {
  const { streams, clock } = evidence;
  if (streams.every((stream) => stream.spec.count === 0)) return nothingWanted();
  const byUs = clock?.contradictionUs ?? 0;
  const verdict = damaged(evidence) ?? (byUs >= CONTRADICTION_US ? contradictory(byUs) : certain(evidence));
  const text = otherPace(streams);
  if (text !== null) verdict.with('other-pace', text);
  const excused = sum(streams.map((stream) => stream.excused));
  if (excused === 0) return verdict;
  const late = `this program itself was late when ${excused} events came; they are not counted as late`;
  return verdict.with('own-stalls', late);
}

// The decision, unless it would be another one within the clock's error.
function certain({ streams, clock, withinUs }) {
  const doubtUs = clock?.doubtUs ?? 0;
  const verdict = decide(streams, withinUs, doubtUs);
  // Whatever the clock is wrong by, no event came before it was sent: lags may be less than they seem by as much as the
  // least of them, and no more.
  const lags = streams.flatMap((stream) => stream.samples).map((sample) => sample.lagUs);
  const mostTooLong = clamp(least(lags) ?? 0, 0, doubtUs);
  if (verdict.verdict === 'inconclusive') return verdict;
  const isAlike = (us) => (decide(streams, us, doubtUs).verdict === 'real-time') === (verdict.verdict === 'real-time');
  if (isAlike(withinUs + mostTooLong) && isAlike(withinUs - doubtUs)) return verdict;
  return doubtful(clock, withinUs, doubtUs);
}

function nothingWanted() {
  const advice = "ask for some: leave count or silent_after out of the URL's query";
  const found = finding('too-short', 'the URL asks the origin for no events', advice);
  return Verdict.unknown('inconclusive', 'there was no event to judge by: none was asked for', [found]);
}

function contradictory(byUs) {
  const summary = "how late events are can't be told: the origin's clock was set meanwhile, or there are several";
  const text = `answers to requests for the origin's time differ by ${time(byUs)}`;
  const advice =
    "repeat it; if that doesn't help, two machines with different clocks answer: let them agree, or ask one";
  return Verdict.unknown('inconclusive', summary, [finding('clock-error', text, advice)]);
}

function doubtful(clock, withinUs, doubtUs) {
  const summary = "events arrive evenly, but whether all of them are late by the same time can't be told";
  const verdict = Verdict.unknown('inconclusive', summary);
  const hinges = `whether lags exceed ${time(withinUs)} hinges on that`;
  return clock?.isMeasured
    ? verdict.with('clock-error', `the origin's clock is known to ${time(doubtUs)} only, and ${hinges}`)
    : verdict.with('no-clock', `the origin didn't tell its time, and ${hinges}`);
}

/* verdict/damage */

// First stamps may be older than their request by so much: the clock's own error isn't all that can be wrong.
const STALE_LEAST_US = 50_000;
// Two streams may have one event stamped at the same time, but not several.
const SHARED_LEAST = 3;
// Streams cut by a limit end at the same age, give or take this.
const SAME_AGE_US = 150_000;
// No limit is less.
const AGE_LEAST_US = 1_500_000;
// Streams that begin further apart don't end at the same age by chance.
const APART_LEAST_US = 2 * SAME_AGE_US;

// A verdict, if something is worse than late. What can't be read isn't nothing, and somebody else's stream is no cut one.
const damaged = (evidence) => corrupt(evidence) ?? silent(evidence.streams) ?? cut(evidence.streams);

// Not one numbered event in the whole window, nor at the origin's end.
function silent(streams) {
  if (!streams.every(waitedInVain)) return null;
  const waited = time(most(streams.map((stream) => stream.lastedUs())));
  const hello = streams.some((stream) => stream.samples.length > 0) ? ' but the first' : '';
  const verdict = Verdict.unknown('silent', `not one event arrived${hello} in ${waited}`);
  verdict.with('silent', `nothing came in ${waited}, and by then the origin had time for all of it`);
  const isEnded = streams.every((stream) => isTheirs(stream.end));
  return isEnded ? verdict : verdict.with('silent-or-longer', "the end of the response didn't come either");
}

function corrupt(evidence) {
  const findings = damages(evidence);
  if (findings.length === 0) return null;
  const summary = findings[0].id === 'replay'
    ? 'a stored stream was replayed instead of a new one'
    : `events don't arrive as they were sent: ${findings.map((found) => found.id).join(', ')}`;
  return new Verdict('corrupt', holdOf('none'), summary, findings);
}

function damages({ streams, clock }) {
  const findings = [];
  const errorUs = clock?.isMeasured ? clock.errorUs + clock.contradictionUs : 0;
  const staleUs = most(streams.map((stream) => stream.staleUs).filter(isKnown)) ?? 0;
  if (staleUs > errorUs + STALE_LEAST_US) {
    findings.push(finding('replay', `the first event had been sent ${time(staleUs)} before it was asked for`));
  }
  const several = shared(streams);
  if (several > 0) {
    const text = `${several} of ${streams.length} requests were answered with the stream of another`;
    findings.push(finding('replay', text));
  }
  const total = (name) => sum(streams.map((stream) => stream.counts[name]));
  const counted = [
    ['lost', total('missing'), 'never came, though later ones did'],
    ['repeated', total('duplicated'), 'came more than once'],
    ['reordered', total('reordered'), 'came behind a later one'],
    ['changed', total('corrupt'), 'came with other bytes than were sent'],
  ];
  const found = counted.filter(([, count]) => count > 0);
  return [...findings, ...found.map(([id, count, what]) => finding(id, `${events(count)} ${what}`))];
}

const numbered = (stream) => stream.samples.filter((sample) => sample.seq > 0);

// How many streams are those of others: their numbered events have the same stamps, to the microsecond.
function shared(streams) {
  const first = streams.map((stream) => numbered(stream).slice(0, SHARED_LEAST));
  const stamps = first.filter((samples) => samples.length === SHARED_LEAST)
    .map((samples) => samples.map(({ seq, sentUs }) => `${seq} ${sentUs}`).join());
  return stamps.filter((own, n) => stamps.indexOf(own) < n).length;
}

// What to say if events weren't sent at the pace that was asked for.
function otherPace(streams) {
  for (const stream of streams) {
    // A named stream has its own pace, and no count.
    if (stream.spec.count === null) continue;
    const samples = numbered(stream);
    const foundUs = median(
      neighbours(samples, (a, b) => (b.seq === a.seq + 1 ? b.sentUs - a.sentUs : null)).filter(isKnown),
    );
    const askedUs = stream.spec.intervalUs;
    if (foundUs !== null && samples.length > SHARED_LEAST && (foundUs * 2 < askedUs || foundUs > askedUs * 2)) {
      return `asked for an event every ${time(askedUs)}, the origin sent one every ${time(foundUs)}`;
    }
  }
  return null;
}

// Somebody else ended it before all events had come.
function isCut(stream) {
  return isTheirs(stream.end) && stream.spec.count !== null && stream.counts.received < stream.spec.count;
}

// Several streams were cut at the same age, however busy they were. A limit counts from the request on or from the
// response on; between the two, a busy machine makes streams wait for different times.
function isLifetimeCut(streams) {
  const cut = streams.filter(isCut);
  const requested = cut.map((stream) => stream.requestedUs);
  const answered = cut.map((stream) => stream.firstByteUs);
  const isIdle = streams.some((stream) => stream.end === 'idle-cut');
  const begun = answered.every(isKnown) ? [requested, answered] : [requested];
  return cut.length > 1 && !isIdle && begun.some((begunUs) => areOfAnAge(cut, begunUs));
}

// Whether streams that began then ended at the same age, which is no chance.
function areOfAnAge(cut, begunUs) {
  const [age, spread] = range(cut.map((stream, n) => stream.requestedUs + stream.lastedUs() - begunUs[n]));
  const [, apart] = range(begunUs);
  // Streams that began together end together at a restart, too: then only a limit that people would set is one, a whole
  // number of seconds.
  const isTold = apart > APART_LEAST_US || (age + SAME_AGE_US) % 1_000_000 <= 2 * SAME_AGE_US;
  return age > AGE_LEAST_US && spread <= SAME_AGE_US && isTold;
}

// Whether streams that were cut had begun at so different times that a restart would have ended them at different ages.
function beganApart(streams) {
  const [, apart] = range(streams.filter(isCut).map((stream) => stream.requestedUs));
  return apart > APART_LEAST_US;
}

// The least of some values, and by how much the greatest is more.
const range = (values) => [least(values), most(values) - least(values)];

function cut(streams) {
  const first = leastBy(streams.filter(isCut), (stream) => stream.endUs);
  if (first === null) return null;
  const after = time(first.lastedUs());
  const summary = `the path ended the stream after ${after}, ${first.counts.received} of ${first.spec.count} events in`;
  const verdict = new Verdict('cut', holdOf('none'), summary);
  const said = {
    truncated: ['cut-truncated', `the body broke off after ${after}`],
    reset: ['cut-reset', `the connection was reset after ${after}`],
    'idle-cut': ['idle-cut', idle(first)],
  };
  verdict.with(...(said[first.end] ?? ['cut-clean', `the body ended after ${after} as if it were complete`]));
  if (!isLifetimeCut(streams)) return verdict;
  return verdict.with('lifetime-cut', beganApart(streams)
    ? `streams that began at different times end at the age of ${after}, busy or not`
    : `streams end at the age of ${after}, busy or not; a restart looks the same`);
}

function idle(stream) {
  const lastUs = stream.lastEventUs ?? stream.requestedUs;
  return `the stream was cut when nothing had come for ${time(stream.endUs === null ? 0 : stream.endUs - lastUs)}`;
}

/* verdict/decide */

// Lags that differ by less, or by less than a quarter, are the same.
const SAME_LAG_US = 40_000;
// Events that are sent more often than that may come together by chance.
const SLOW_US = 50_000;
// A first release so many times as large as later ones is a hold of its own.
const DWARFS = 4;
// With fewer releases than a few in the run, a time is a rough one.
const LONG_US = 3_000_000;
// How long Linux keeps a corked segment, and what measuring adds.
const CORK_US = [190_000, 230_000];
const isCork = (us) => us >= CORK_US[0] && us <= CORK_US[1];
// Fewer numbered events tell nothing, unless no more were asked for.
const EVENTS_LEAST = 5;

// Decides about streams whose events came unharmed and weren't cut. All lags may be wrong by the same time, up to
// doubtUs.
function decide(streams, withinUs, doubtUs) {
  const all = streams.map((stream) => new Shape(stream, withinUs));
  const behind = all.filter((shape) => shape.fallsBehind);
  const shapes = all.filter((shape) => !shape.fallsBehind);
  const smallest = least(streams.map((stream) => stream.spec.size)) ?? 0;
  if (behind.length === 0) return hold(shapes, smallest, withinUs, doubtUs);
  // What is too much for the path tells nothing about holds.
  const [rate, text] = tooMuch(behind);
  if (!shapes.some((shape) => shape.stream.spec.size === smallest)) {
    const summary = `events fall behind ever more: the path passes about ${rate} bytes a second`;
    return Verdict.unknown('lagging', summary).with('falls-behind', text);
  }
  return hold(shapes, smallest, withinUs, doubtUs).with('falls-behind', text);
}

// How many bytes a second come of streams that fall behind, and what to say about them.
function tooMuch(behind) {
  const rate = ({ stream }) => (stream.bytes * 1e6) / Math.max(stream.lastedUs(), 1);
  const highest = Math.trunc(most(behind.map(rate)));
  const names = behind.map(describe).join(' and ');
  return [highest, `${names} come at ${highest} bytes a second at most, and ever later`];
}

// Late events, and all.
function lateOf(shapes) {
  return [sum(shapes.map((shape) => shape.late)), sum(shapes.map((shape) => shape.stream.samples.length))];
}

// What holds streams that come as fast as they are sent.
function hold(shapes, smallest, withinUs, doubtUs) {
  const naming = shapes.filter((shape) => shape.stream.spec.size === smallest);
  const startsLate = (shape) => shape.startsLate(withinUs);
  const isStartLate = shapes.filter(startsLate).length >= 2 && naming.some(startsLate);
  // Two streams or more don't begin late by chance.
  if (naming.some((shape) => shape.isTroubled()) || isStartLate) {
    const verdict = late(shapes, withinUs, doubtUs);
    const [some, all] = lateOf(naming);
    // Two of the few events of the slow stream, late by no pattern, are no more than noise among all small ones.
    const isNoise = some <= NOISE * all && !isStartLate && !naming.some((shape) => shape.isClosed);
    return verdict.verdict === 'inconclusive' && isNoise ? realTime(shapes, withinUs, smallest) : verdict;
  }
  const hanging = naming.find((shape) => isHanging(shape.stream));
  if (hanging) return hangs(hanging.stream);
  const received = sum(naming.map((shape) => shape.stream.counts.received));
  if (received < EVENTS_LEAST && !naming.every((shape) => shape.stream.isComplete())) {
    const verdict = Verdict.unknown('inconclusive', 'too few events arrived to judge by');
    return verdict.with('too-short', `${events(received)} came before the end of the run`);
  }
  return realTime(shapes, withinUs, smallest);
}

function hangs(stream) {
  const last = time((stream.lastEventUs ?? stream.requestedUs) - stream.requestedUs);
  const { received } = stream.counts;
  const summary = `events stop after ${last}, ${received} of them in, and the connection stays open`;
  const text = `nothing came after ${last}, though the origin went on and ended`;
  return new Verdict('cut', holdOf('none'), summary).with('hanging', text);
}

function realTime(shapes, withinUs, smallest) {
  const [late, all] = lateOf(shapes.filter((shape) => shape.stream.spec.size === smallest));
  const within = time(withinUs);
  const summary = `events arrive in real time: ${all - late} of ${all} within ${within}`;
  const verdict = new Verdict('real-time', holdOf('none'), summary);
  for (const shape of shapes.filter((shape) => shape.isTroubled())) {
    const { spec, samples } = shape.stream;
    const release = shape.lasting ?? shape.first;
    const held = release ? `; held for ${time(release.waitUs)}, ${release.bytes} bytes at a time` : '';
    const sent = `of events of ${spec.size} bytes every ${time(spec.intervalUs)}`;
    verdict.with('big-events', `${sent}, ${shape.late} of ${samples.length} come late${held}`);
  }
  // Each comes with the next one, as far as can be seen.
  const isBehind = (shape) => near(shape.lagUs, shape.intervalUs(), div(shape.intervalUs(), 4));
  if (shapes.every((shape) => shape.intervalUs() <= withinUs) && shapes.every(isBehind)) {
    const text = `every interval is within ${within}, and each event comes about an interval late`;
    verdict.with('intervals-within', text);
  }
  return verdict;
}

function late(shapes, withinUs, doubtUs) {
  if (shapes.every((shape) => shape.isClosed)) return heldUntilClose(shapes);
  const again = shapes.filter((shape) => shape.isHeldAgain());
  const lagging = oneEvent(shapes, withinUs, doubtUs) ?? constant(shapes) ?? oneEventByTimer(shapes, withinUs);
  return lagging ?? (again.length === 0 ? lateStart(shapes, null) : heldAgain(shapes, again));
}

function heldUntilClose(shapes) {
  const summary = 'nothing arrives until the origin ends the response, then all of it at once';
  const longest = time(most(shapes.map((shape) => shape.closedUs())) ?? 0);
  const bytes = most(shapes.map((shape) => shape.closedBytes())) ?? 0;
  return new Verdict('held-until-close', holdOf('close'), summary)
    .with('held-until-close', `events were held for up to ${longest}, until the end`)
    .with('close-or-larger', `${bytes} bytes were sent in ${longest}`);
}

const near = (value, other, atLeast) => Math.abs(value - other) <= Math.max(atLeast, div(other, 4));

// The streams on which events that come alone come alone by no chance: the slow ones, if there are any.
function slow(shapes) {
  const slow = shapes.filter((shape) => shape.intervalUs() >= SLOW_US);
  return slow.length === 0 ? shapes : slow;
}

const allAlone = (shapes) => shapes.every((shape) => shape.events <= 1 && !shape.isClosed);

// Each event comes when the next one is sent: each stream lags by its own interval.
function oneEvent(shapes, withinUs, doubtUs) {
  const slowest = slow(shapes);
  const beyond = leastBy(slowest.map((shape) => shape.lagUs - shape.intervalUs()), Math.abs);
  if (beyond === null) return null;
  const wrongUs = clamp(beyond, -doubtUs, doubtUs);
  const isOwn = slowest.every((shape) => near(shape.lagUs - wrongUs, shape.intervalUs(), SAME_LAG_US));
  if (!isOwn || !allAlone(slowest) || shapes.some((shape) => shape.isClosed)) return null;
  const longest = most(slowest.map((shape) => shape.intervalUs()));
  if (longest <= withinUs) return null;
  const shortest = least(slowest.map((shape) => shape.intervalUs()));
  const verdict = new Verdict('lagging', holdOf('one-event'), 'each event arrives only when the next one is sent');
  verdict.with('one-event', `events sent every ${time(longest)} come ${time(longest)} late`);
  // What is late by the same time everywhere is late on fast streams, too.
  const isTold = longest >= 2 * shortest || shapes.some((shape) => shape.lagUs + doubtUs < div(longest, 2));
  return isTold ? verdict : verdict.with('one-event-or-constant', 'all streams had the same interval');
}

// Each event comes when the next one is sent and a timer has run out, as from a compressor in front of a corked socket:
// what is oldest waits for its own interval, and for the same time beyond that.
function oneEventByTimer(shapes, withinUs) {
  if (!shapes.every((shape) => shape.lasting)) return null;
  const beyond = shapes.map((shape) => shape.lasting.waitUs - shape.intervalUs());
  const timerUs = median(beyond);
  if (timerUs === null) return null;
  const isSame = beyond.every((us) => Math.abs(us - timerUs) <= SAME_LAG_US);
  const slowest = mostBy(shapes, (shape) => shape.intervalUs());
  const fastest = leastBy(shapes, (shape) => shape.intervalUs());
  // Of other holds, too, all waits differ by little if the intervals do.
  const isTold = slowest.intervalUs() - fastest.intervalUs() > 4 * SAME_LAG_US;
  const isAlone = slowest.events <= 1 && slowest.isAlwaysLate() && slowest.intervalUs() > withinUs;
  if (!isSame || !isTold || !isAlone || timerUs <= SAME_LAG_US || shapes.some((shape) => shape.isClosed)) return null;
  const [interval, timer] = [time(slowest.intervalUs()), time(timerUs)];
  const summary = `each event arrives only when the next one is sent, and ${timer} after that`;
  const verdict = new Verdict('lagging', holdOf('one-event'), summary)
    .with('one-event', `events sent every ${interval} come ${time(slowest.lagUs)} late`)
    .with('batched-time', `whatever the pace, ${timer} are added to that`);
  return isCork(timerUs) ? verdict.with('cork', `the time is ${timer}`) : verdict;
}

// Each event comes alone and late by the same time.
function constant(shapes) {
  const lagUs = median(shapes.map((shape) => shape.lagUs));
  if (lagUs === null) return null;
  const isSame = shapes.every((shape) => !shape.isClosed && near(shape.lagUs, lagUs, SAME_LAG_US));
  const isEven = ({ stream: { samples }, lagUs }) =>
    samples.filter((sample) => near(sample.lagUs, lagUs, SAME_LAG_US)).length * 2 >= samples.length;
  const isConstant = (shape) => shape.isAlwaysLate() && isEven(shape);
  if (!isSame || !allAlone(slow(shapes)) || !slow(shapes).every(isConstant)) return null;
  const lag = time(lagUs);
  const held = holdOf('constant', { ms: roundedMs(lagUs) });
  const verdict = new Verdict('lagging', held, `each event arrives alone, but ${lag} late`);
  verdict.with('constant-lag', `every event is late by ${lag}, whatever the pace`);
  if (isCork(lagUs)) verdict.with('cork', `a lag of ${lag} is that of a corked socket`);
  const isTold = shapes.some((shape) => shape.intervalUs() < lagUs && shape.events <= 1);
  return isTold ? verdict : verdict.with('timer-or-constant', `no stream sent more often than every ${lag}`);
}

const roundedMs = (us) => Math.max(div(us + 500, 1000), 0);

// What is sent after the first release is held again.
function heldAgain(shapes, again) {
  const steady = again.filter((shape) => shape.isSteady);
  if (steady.length === 0) return dwarfed(again) ? lateStart(shapes, again) : unsteady(shapes);
  if (dwarfed(steady)) return lateStart(shapes, steady);
  // A stream with one release, before the end, tells by that.
  const held = withRelease(steady, (shape) => shape.lasting ?? shape.first);
  let found = classify(held, shapes);
  if (found === null) return closedInPart(shapes);
  if (isContradicted(found, again)) found = { ...found, by: 'time' };
  const bytes = found.by === 'time' ? null : beforeCompression(held);
  if (bytes !== null) {
    const text = `${bytes} bytes of events are together in each release, however few they are as compressed`;
    return batched({ ...found, bytes }).with('held-then-compressed', text);
  }
  const verdict = batched(found);
  if (steady.every((shape) => shape.lasting === null)) {
    return verdict.with('start-or-lasting', 'one release was seen, and what came after it waited for the end');
  }
  return verdictOfCompressed(verdict, shapes);
}

// Shapes with a release of theirs, [shape, release], those that have one.
const withRelease = (shapes, of) => shapes.map((shape) => [shape, of(shape)]).filter(([, release]) => release !== null);

// Far fewer bytes were released on another stream, after no longer a time: bytes don't release them.
function isContradicted({ by, bytes, us }, again) {
  const isLess = ({ lasting }) => lasting !== null && lasting.bytes * 2 < bytes && lasting.waitUs <= us + div(us, 4);
  return by === 'bytes' && again.some(isLess);
}

// The first hold is so much longer than those behind it that it is another one.
function dwarfed(steady) {
  const withBoth = steady.filter(({ first, lasting }) => first !== null && lasting !== null);
  const dwarfs = ({ first, lasting }) => first.waitUs > DWARFS * lasting.waitUs && first.bytes > DWARFS * lasting.bytes;
  return withBoth.length > 0 && withBoth.every(dwarfs);
}

function unsteady(shapes) {
  const [late, all] = lateOf(shapes);
  const lags = shapes.flatMap((shape) => shape.stream.samples).map((sample) => sample.lagUs);
  const summary = `${late} of ${all} events are late, in no pattern that a hold makes`;
  const text = `${late} of ${all} events came late, some by ${time(most(lags) ?? 0)}`;
  return Verdict.unknown('inconclusive', summary).with('unsteady', text);
}

function batched({ by, bytes, us }) {
  if (by === 'time') {
    const t = time(us);
    const held = holdOf('time', { ms: roundedMs(us) });
    const verdict = new Verdict('batched', held, `events arrive in lumps, every ${t} or so, throughout`);
    verdict.with('batched-time', `whatever the pace, events are held for up to ${t}`);
    if (isCork(us)) verdict.with('cork', `${t} between flushes is a corked socket's time`);
    if (us > LONG_US) return verdict.with('long-hold', `few releases, ${t} apart, fit into the run`);
    return verdict.with('timer-or-constant', `events sent less often than every ${t} don't come in lumps`);
  }
  const summary = `events arrive in lumps of about ${bytes} bytes throughout`;
  const verdict = new Verdict('batched', holdOf('bytes', { bytes }), summary);
  verdict.with('batched-bytes', `events are held until about ${bytes} bytes are together`);
  return by === 'bytes' ? verdict : verdict.with('time-or-bytes', eitherText(bytes, us));
}

const eitherText = (bytes, us) => `${bytes} bytes were sent in ${time(us)}: either may release them`;

// Held at first, by the first releases; and again, but for less, on some streams.
function lateStart(shapes, again) {
  const held = withRelease(shapes, (shape) => shape.first).filter(([shape]) => !shape.isClosed);
  const found = classify(held, shapes);
  if (found === null) return closedInPart(shapes);
  const verdict = started(found, again ? 'is held, too, but less' : 'arrives in real time');
  const longestUs = most(shapes.map((shape) => plannedUs(shape.stream.spec)).filter(isKnown));
  if (found.by === 'time' && !again && longestUs !== null && 2 * found.us > longestUs) {
    verdict.with('start-or-lasting', `a second release after ${time(found.us)} would not have been seen`);
  }
  const still = classify(withRelease(again ?? [], (shape) => shape.lasting), shapes);
  if (still !== null) {
    const how = still.by === 'time' ? `for up to ${time(still.us)}` : `until ${still.bytes} bytes are together`;
    verdict.with('still-held', `what comes afterwards is still held ${how}`);
  }
  return verdictOfCompressed(verdict, shapes);
}

function started({ by, bytes, us }, rest) {
  if (by === 'time') {
    const t = time(us);
    const held = holdOf('start-time', { ms: roundedMs(us) });
    const summary = `nothing arrives for the first ${t}; what comes afterwards ${rest}`;
    const text = `the first events were held for ${t}, whatever the pace`;
    return new Verdict('late-start', held, summary).with('start-time', text);
  }
  const summary = `nothing arrives until about ${bytes} bytes are sent; what comes afterwards ${rest}`;
  const verdict = new Verdict('late-start', holdOf('start-bytes', { bytes }), summary);
  verdict.with('start-bytes', `the first ${bytes} bytes or so are held`);
  return by === 'bytes' ? verdict : verdict.with('time-or-bytes', eitherText(bytes, us));
}

// Some streams wait for their end, the others aren't held.
function closedInPart(shapes) {
  const closed = shapes.filter((shape) => shape.isClosed);
  if (closed.length === 0) return unsteady(shapes);
  const text = `held until their end: ${closed.map(describe).join(' and ')}; others are not`;
  if (closed.every((shape) => shape.stream.counts.received === 0)) {
    return Verdict.unknown('silent', 'not one small event arrived, while larger ones do').with('silent', text);
  }
  const summary = 'small events are held until the origin ends the response, larger ones are not';
  const verdict = new Verdict('held-until-close', holdOf('close'), summary);
  return verdict.with('held-until-close', text).with('content-held', text);
}

function describe({ stream: { spec } }) {
  const data = spec.size === 0 ? 'small events' : `events of ${spec.size} bytes`;
  return `${data} every ${time(spec.intervalUs)}`;
}

function verdictOfCompressed(verdict, shapes) {
  const bytes = sum(shapes.map((shape) => shape.stream.bytes));
  const content = sum(shapes.map((shape) => shape.stream.contentBytes));
  // A coding that is there changes the length, if only by its frame.
  if (bytes === content || verdict.hold.bytes === null) return verdict;
  return verdict.with('compressed', `${content} bytes of events came as ${bytes}`);
}

/* verdict/shape */

// What was held comes within such a time when it is released, on a busy machine, too.
const RELEASE_US = 50_000;

// A share of late events up to this is noise.
const NOISE = 0.05;

// More than one is late, and too many.
const isTrouble = (late, all) => late >= 2 && late > NOISE * all;

// One stream as the decision sees it, given the tolerance.
class Shape {
  constructor(stream, withinUs) {
    const lumps = stream.lumps.filter((lump) => lump.waitUs !== null);
    const isLateLump = (lump) => lump.waitUs > withinUs;
    const opening = lumps.slice(0, pieces(lumps, withinUs));
    const behind = lumps.slice(opening.length).filter((lump) => !lump.isClosing);
    const held = behind.filter(isLateLump);
    const first = joined(opening).filter((lump) => isLateLump(lump) && !lump.isClosing);
    const releaseUs = opening.at(-1)?.atUs ?? Infinity;
    const later = stream.samples.filter((sample) => sample.sentUs > releaseUs);
    const countLate = (samples) => samples.filter((sample) => sample.lagUs > withinUs).length;
    this.stream = stream;
    // Late events.
    this.late = countLate(stream.samples);
    // The median lag.
    this.lagUs = medianLagUs(stream);
    // Nothing but the hello event came before the origin had sent all.
    this.isClosed = isClosed(stream, withinUs);
    // The first lump, if it is late and came before the end.
    this.first = release(first, stream.eventBytes());
    // Late events, and all, of those sent after the first lump came.
    this.after = [countLate(later), later.length];
    // The median late lump behind the first, before the end.
    this.lasting = release(held, stream.eventBytes());
    // Most lumps behind the first are late, as a hold makes them, not just some.
    this.isSteady = held.length * 5 >= behind.length * 3;
    // Events that the median lump behind the first completes.
    this.events = median(behind.map((lump) => lump.events)) ?? 1;
    // It comes more slowly than it is sent, so that each event is later than the one before.
    this.fallsBehind = fallsBehind(stream, withinUs);
  }

  // Too many events are late, or don't come.
  isTroubled() {
    return this.isClosed || isTrouble(this.late, this.stream.samples.length);
  }

  // It begins with a lump that is late by far.
  startsLate(withinUs) {
    return this.first !== null && this.first.waitUs > 2 * Math.max(withinUs, 0);
  }

  // Events are late that were sent when the first lump had come.
  isHeldAgain() {
    return !this.isClosed && isTrouble(...this.after);
  }

  // Hardly any event is on time.
  isAlwaysLate() {
    return this.late * 5 >= this.stream.samples.length * 4;
  }

  intervalUs() {
    return this.stream.spec.intervalUs;
  }

  // Bytes a microsecond, as sent: those of the body that came, over the time that sending takes.
  pace() {
    return this.stream.eventBytes() / Math.max(this.intervalUs(), 1);
  }

  // How long a closed stream was held: until it came, or as long as it was waited for.
  closedUs() {
    const lagUs = most(this.stream.samples.map((sample) => sample.lagUs));
    return lagUs !== null && this.stream.counts.received > 0 ? lagUs : this.stream.lastedUs();
  }

  // How many bytes of a closed stream were held.
  closedBytes() {
    const { bytes, spec } = this.stream;
    return bytes > 0 ? bytes : spec.size * (spec.count ?? 0);
  }
}

// A stream has several shapes, one a tolerance, and its median lag is the same in all of them.
const medianLags = new WeakMap();

function medianLagUs(stream) {
  if (!medianLags.has(stream)) medianLags.set(stream, median(stream.samples.map((sample) => sample.lagUs)) ?? 0);
  return medianLags.get(stream);
}

// How many lumps the first release came in: a large one takes longer than the reads of one lump are apart. What had been
// sent when it began was held with it, if it was held for long.
function pieces(lumps, withinUs) {
  if (lumps.length === 0) return 0;
  const [first] = lumps;
  if (first.waitUs <= withinUs) return 1;
  const belongs = ({ atUs, waitUs }) => atUs - first.atUs <= RELEASE_US && atUs - waitUs < first.atUs;
  const other = lumps.findIndex((lump, n) => n > 0 && !belongs(lump));
  return other < 0 ? lumps.length : other;
}

// Pieces of one release as one lump: its time is that of the first, its end that of the last. None of none.
function joined(pieces) {
  if (pieces.length === 0) return [];
  const total = (name) => sum(pieces.map((lump) => lump[name]));
  const counts = { bytes: total('bytes'), contentBytes: total('contentBytes'), events: total('events') };
  return [{ ...pieces[0], ...counts, isWhole: pieces.at(-1).isWhole }];
}

// Whether a stream was waited for until the origin had sent it all, and nothing but the hello event came before that.
function isClosed(stream, withinUs) {
  const samples = numbered(stream);
  if (samples.length === 0) return waitedInVain(stream);
  if (stream.allSentUs === null) return false;
  const [first] = samples;
  const sent = most(samples.map((sample) => sample.sentUs));
  const came = most(samples.map((sample) => sample.atUs));
  // What lags by as long as the stream lasts comes after the end, too, but not at once.
  const isAtOnce = (came - first.atUs) * 4 <= sent - first.sentUs;
  return first.lagUs > withinUs && first.atUs >= stream.allSentUs && isAtOnce;
}

// Whether even the least late events become later and later. Of a hold, however long, each release brings some that were
// sent just before.
function fallsBehind(stream, withinUs) {
  const lags = numbered(stream).map((sample) => sample.lagUs);
  const quarter = Math.max(div(lags.length, 4), 2);
  if (lags.length < 4 * quarter) return false;
  const quarters = [0, 1, 2, 3].map((n) => least(lags.slice(n * quarter, (n + 1) * quarter)));
  const stepUs = div(Math.max(withinUs, 0), 2);
  return neighbours(quarters, (a, b) => b > a + stepUs).every(Boolean);
}

// No numbered event came, not even a damaged one, though there was time for all.
function waitedInVain(stream) {
  const planned = plannedUs(stream.spec) ?? stream.spec.intervalUs * 5;
  const { received, corrupt } = stream.counts;
  return received === 0 && corrupt === 0 && stream.endUs !== null && stream.lastedUs() >= planned;
}

// Events stopped coming, though there was time for all, and nobody ended the stream.
function isHanging(stream) {
  const planned = plannedUs(stream.spec);
  if (planned === null) return false;
  const endUs = stream.endUs ?? stream.requestedUs;
  const isOverdue = endUs - stream.requestedUs > planned + HANGING_US;
  // One that began late, or is slower than it was asked to be, was still going on when its time was up.
  const lastUs = stream.lastEventUs ?? stream.requestedUs;
  const longestGapUs = Math.trunc(stream.gap.max * 1000);
  const isQuiet = endUs - lastUs > HANGING_US + Math.max(longestGapUs, 2 * stream.spec.intervalUs);
  return !isTheirs(stream.end) && isOverdue && isQuiet && !stream.isComplete();
}

// So much later than planned, a stream that goes on isn't merely slow.
const HANGING_US = 1_000_000;

// The median release of some lumps, null of none. waitUs: how long the oldest byte was held; everyUs: how long after the
// one before, null of a single one; bytes, contentBytes: how many came, and without their content coding; slack: the
// threshold in bytes is less than so many below, for events are released whole.
function release(lumps, eventBytes) {
  if (lumps.length === 0) return null;
  const whole = lumps.filter((lump) => lump.isWhole).length;
  return {
    waitUs: median(lumps.map((lump) => lump.waitUs)),
    everyUs: median(neighbours(lumps, (a, b) => b.atUs - a.atUs)),
    bytes: median(lumps.map((lump) => lump.bytes)),
    contentBytes: median(lumps.map((lump) => lump.contentBytes)),
    slack: whole * 2 > lumps.length ? eventBytes : 0,
  };
}

const median = (values) => sorted(values)[div(values.length, 2)] ?? null;

/* verdict/classify */

// What can be told of the releases of some of all streams, [shape, release] each: does time release, or do bytes, or
// either of them; and at how much. Null of none.
function classify(held, all) {
  const longest = mostBy(held.map(([, release]) => release), (release) => release.waitUs);
  if (longest === null) return null;
  const alike = held.filter(([shape, release]) => isSameWait(longest, shape, release));
  const paces = alike.map(([shape]) => shape.pace());
  const closed = all.filter((shape) => shape.isClosed);
  const timeFits = closed.every((shape) => isWithinQuarter(shape.closedUs(), longest.waitUs));
  const bytes = threshold(held);
  const bytesFit = closed.every((shape) => isWithinQuarter(shape.closedBytes(), bytes));
  const areAllLate = all.every((shape) => shape.isClosed || held.some(([other]) => other === shape));
  // A clock that runs on its own meets the oldest byte at an age of up to T: the closest is the stream that sends most
  // often. One that rests after each release lets the next byte wait for more than T: its releases are T apart.
  const [, closest] = leastBy(alike, ([shape]) => shape.intervalUs()) ?? [];
  const us = closest ? Math.min(closest.everyUs ?? Infinity, closest.waitUs) : 0;
  const by = (word) => ({ by: word, bytes, us });
  if (timeFits && (most(paces) > 2 * least(paces) || !bytesFit)) return by('time');
  return by(timeFits && areAllLate && held.length === alike.length ? 'either' : 'bytes');
}

// The threshold in bytes of the content, if that is what the releases have in common, and not bytes of the body: what
// holds them lies in front of a compressor. Else null.
function beforeCompression(held) {
  const content = held.map(([, release]) => release.contentBytes);
  const body = held.map(([, release]) => release.bytes);
  const isContent = isWithinQuarter(most(content), least(content)) && most(body) * 2 > least(body) * 3;
  return isContent ? least(content) : null;
}

// Whether it waited as long as the longest; what a clock of its own releases may have waited less, by an interval.
function isSameWait(longest, shape, { waitUs }) {
  const less = Math.max(Math.min(shape.intervalUs(), div(longest.waitUs, 2)), div(longest.waitUs, 4));
  return longest.waitUs - waitUs <= less;
}

// Not more than a quarter above.
const isWithinQuarter = (value, limit) => value <= limit + div(limit, 4);

// The threshold in bytes that the releases allow: at most the least of them, and more than each without its last event.
// A power of two among those is taken: buffers are made so.
function threshold(held) {
  const fewest = leastBy(held.map(([, release]) => release), (release) => release.bytes);
  const floors = held.map(([, release]) => Math.max(release.bytes - release.slack, 0));
  const floor = most(floors.filter((floor) => floor < fewest.bytes));
  let power = 1;
  while (power * 2 <= fewest.bytes) power *= 2;
  return power > (fewest.slack > 0 && floor !== null ? floor : fewest.bytes) ? power : fewest.bytes;
}

/* verdict/foreign: an origin that is not ours. Events come when they come, and nothing tells when they were sent. */

// Fewer events make no pattern.
const FOREIGN_EVENTS_LEAST = 5;
// A response that comes whole sooner may have been there whole.
const HELD_LEAST_US = 1_000_000;
// What comes so close to the end came with it.
const WITH_END_US = 100_000;

// What to do about a body without a single event in it.
const NO_STREAM = "it says that it is an event stream, and is none: is the URL the stream's?";

// Judges by arrivals: by the stream with the most events.
function judgeForeign(streams, withinUs) {
  const stream = mostBy(streams, (stream) => stream.counts.received);
  const verdict = undecodable(stream) ?? ended(stream) ?? pattern(stream, withinUs);
  const { reordered } = stream.counts;
  if (reordered > 0) verdict.with('ids-go-back', `${reordered} times an id was less than the one before`);
  if (stream.firstByteUs === null) {
    const text = "nothing came, not even the origin's time: whose it is is unknown";
    const advice = "does the server take requests at all? only of an origin of this program's more can be told";
    verdict.findings.push(finding('no-stamps', text, advice));
    return verdict;
  }
  return verdict.with('no-stamps', 'what was judged is how events arrive, not how late they are');
}

// Whatever changed it, an event stream it is no more.
function undecodable(stream) {
  const { corrupt, received } = stream.counts;
  if (corrupt === 0) return null;
  const text = `${received === 0 ? 'not one event' : events(received)} came before that`;
  const found = finding('changed', text, received === 0 ? NO_STREAM : '');
  const summary = `what came after ${time(stream.lastedUs())} can't be decoded`;
  return new Verdict('corrupt', holdOf('none'), summary, [found]);
}

// An end that no origin makes on purpose.
function ended(stream) {
  if (!isTheirs(stream.end) || stream.end === 'clean') return null;
  const isReset = stream.end === 'reset';
  const after = `${isReset ? 'the connection was reset' : 'the body broke off'} after ${time(stream.lastedUs())}`;
  const verdict = new Verdict('cut', holdOf('none'), `${after}, by the path or by the origin`);
  return verdict.with(isReset ? 'cut-reset' : 'cut-truncated', `${after}, ${stream.counts.received} events in`);
}

function pattern(stream, withinUs) {
  const groups = stream.lumps.filter((lump) => lump.events > 0);
  const count = stream.counts.received;
  if (count === 0) return quiet(stream);
  const together = withTheEnd(stream, groups);
  if (together !== null) return together;
  if (count < FOREIGN_EVENTS_LEAST) {
    const summary = `${count} events arrived: too few to judge by`;
    return Verdict.unknown('inconclusive', summary).with('too-short', 'the run ended before more came');
  }
  const inParts = parts(stream, withinUs);
  if (inParts !== null) return inParts;
  const alone = groups.filter((lump) => lump.events === 1).length;
  if (alone >= (1 - NOISE) * count) {
    const summary = `${alone} of ${count} events arrived alone, as a path without buffers would pass them`;
    return new Verdict('real-time', holdOf('none'), summary);
  }
  const summary = 'events arrive several at once: the origin may send them so, or the path may hold them';
  const text = `${count - alone} of ${count} events came with others, up to ${stream.bursts.largest} at once`;
  return Verdict.unknown('inconclusive', summary).with('bursty', text);
}

function quiet(stream) {
  const nothing = `no event arrived in ${time(stream.lastedUs())}`;
  const [more, what] = {
    0: ['nor anything else', 'not even a comment came'],
    1: ['but a comment did: the path passes something on', '1 comment came'],
  }[stream.heartbeats] ?? ['but comments did: the path passes something on', `${stream.heartbeats} comments came`];
  return Verdict.unknown('inconclusive', `${nothing}, ${more}`).with('quiet', what);
}

// All events came at once, right before the end, and late.
function withTheEnd(stream, groups) {
  const { firstEventUs, endUs, counts: { received } } = stream;
  if (firstEventUs === null || endUs === null) return null;
  const waitedUs = firstEventUs - stream.requestedUs;
  const isAtOnce = groups.length <= 2 && endUs - firstEventUs <= WITH_END_US && received >= 3;
  if (stream.end !== 'clean' || !isAtOnce || waitedUs < HELD_LEAST_US) return null;
  const summary = `${received} events arrived together after ${time(waitedUs)}, with the end of the response`;
  const verdict = new Verdict('held-until-close', holdOf('close'), summary);
  return verdict.with('held-until-close', 'nothing came before the end; the origin itself may have waited');
}

// Lumps that end amid an event, the rest of which comes much later: no origin writes so, a buffer does.
function parts({ lumps }, withinUs) {
  const wasCutf = (lump, next) => !lump.isWhole && next.atUs - lump.atUs > withinUs;
  const cutOff = neighbours(lumps, (lump, next) => (wasCutf(lump, next) ? lump : null)).filter(isKnown);
  if (cutOff.length < 3 || cutOff.length * 3 < lumps.length * 2) return null;
  // The first may hold less, and what was there before.
  const bytes = median(cutOff.slice(1).map((lump) => lump.bytes));
  const summary = `events arrive in lumps of about ${bytes} bytes that end amid an event`;
  const text = `${cutOff.length} of ${lumps.length} lumps end amid an event, ${bytes} bytes the median one`;
  return new Verdict('batched', holdOf('bytes', { bytes }), summary).with('batched-bytes', text);
}

/* verdict/hop: who is in between, as far as it says so itself */

// How much of a header field's value is shown, in characters.
const FIELD_MAX = 80;
const SOMEBODY = 'a proxy without a name';
const BETWEEN = ', ';

// What the origin has under /products, before it is known.
const NO_PRODUCTS = Object.freeze({ hops: [], unnamed: [], answers: [], cures: [] });

/**
 * Who is in between, by the header fields [name, value] of a response, and by what our origin says it saw of the
 * request: the data of its hello event. Null if nobody shows.
 * @param {object} products what the origin has under /products
 */
function hopOf(headers, hello, { hops, unnamed }) {
  const isPair = (pair) => Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string';
  const saw = Array.isArray(hello?.headers) ? hello.headers.filter(isPair) : [];
  const of = (side) => ([name, value]) => ({ side, name: lower(name), value });
  const fields = [...headers.map(of('answer')), ...saw.map(of('asked'))];
  const evidence = (marks) => fields.filter((field) => marks.some((mark) => hasMark(field, mark))).map(shownField);
  const named = hops.map(([name, marks]) => [name, evidence(marks)]).filter(([, seen]) => seen.length > 0);
  if (named.length > 0) {
    // One field may give away a product and the way it is used.
    return { name: named.map(([name]) => name).join(BETWEEN), evidence: [...new Set(named.flatMap(([, seen]) => seen))] };
  }
  const seen = evidence(unnamed);
  if (hello?.http === 'HTTP/1.0') seen.push(`the origin was asked with ${hello.http}`);
  return seen.length > 0 ? { name: SOMEBODY, evidence: seen } : null;
}

function hasMark(field, [side, name, part]) {
  const isNamed = name.endsWith('*') ? field.name.startsWith(name.slice(0, -1)) : field.name === name;
  const value = lower(trimmed(field.value));
  const isThere = side === 'both' || side === field.side;
  return isThere && isNamed && (part.startsWith('=') ? value === part.slice(1) : value.includes(part));
}

// As it came. A cookie may be a secret.
function shownField({ side, name, value }) {
  const shown = name === 'set-cookie' ? value.split('=', 1)[0] : value;
  return `${side === 'asked' ? 'the origin saw ' : ''}${shortened(name, FIELD_MAX)}: ${shortened(shown, FIELD_MAX)}`;
}

/* verdict/answer: answers that are no event stream, named */

// How much of its first line is shown, and of a header field's value, in characters.
const QUOTE_MAX = 160;
const VALUE_MAX = 60;

/**
 * What an answer is if it is no event stream: a finding. Null if it is one.
 * @param {object} reply status; headers [[name, value]]; redirects: the URLs that redirected here, in order; url: the one
 *   that answered; excerpt: the start of the body
 * @param {object} products what the origin has under /products
 */
function problem(reply, products) {
  if (reply.status === 200 && contentType(reply) === 'text/event-stream') return null;
  const name = nameByMarks(reply, products.answers) ?? nameByStatus(reply);
  return finding(name.id, `the answer is no event stream but ${sentenceOf(reply, name)}`, name.advice);
}

const fieldsOf = ({ headers }, name) => headers.filter(([other]) => lower(other) === name).map(([, value]) => value);
const contentType = (reply) => lower(trimmed((fieldsOf(reply, 'content-type')[0] ?? '').split(';', 1)[0]));

function sentenceOf(reply, { what, evidence = null }) {
  const type = contentType(reply);
  const kind = type === '' ? 'no content type' : shortened(type, VALUE_MAX);
  const shown = evidence === null ? '' : `; ${evidence}`;
  const place = reply.redirects.length === 0 ? '' : `, after a redirect to ${shortened(hostOf(reply.url), VALUE_MAX)}`;
  const line = firstLine(reply.excerpt);
  return `${reply.status}, ${what} (${kind}${shown})${place}${line === null ? '' : `: "${shortened(line, QUOTE_MAX)}"`}`;
}

const STATUSES = {
  204: ['no-content', 'no content'],
  403: ['forbidden', 'forbidden'],
  404: ['not-found', 'not found'],
  405: ['method-not-allowed', 'method not allowed'],
  406: ['not-acceptable', 'not acceptable'],
  407: ['proxy-unauthorized', 'a proxy wants credentials'],
  410: ['not-found', 'gone'],
  426: ['upgrade-required', 'another protocol is wanted'],
  429: ['too-many-requests', 'too many requests'],
  502: ['bad-gateway', 'something in between got no usable answer from the origin'],
  503: ['unavailable', 'the service is unavailable'],
  504: ['gateway-timeout', 'something in between waited for the origin in vain'],
  511: ['captive-portal', 'the network wants a login'],
};

function nameByStatus(reply) {
  const { status } = reply;
  if (status === 200) return nameByType(contentType(reply));
  if (status === 401) return unauthorized(reply);
  const among = (first, end) => status >= first && status < end;
  const [id, what] = STATUSES[status] ??
    (among(100, 300) ? ['odd-status', 'a status that no EventSource takes'] : null) ??
    (among(300, 400) ? ['redirect-nowhere', 'a redirect that leads nowhere'] : null) ??
    (among(400, 500) ? ['refused', 'the request is refused'] : ['server-error', "a server's failure"]);
  return { id, what };
}

function unauthorized(reply) {
  const schemes = fieldsOf(reply, 'www-authenticate').map((value) => value.split(' ', 1)[0]);
  const evidence = schemes.length === 0 ? null : `www-authenticate: ${shortened(schemes.join(', '), VALUE_MAX)}`;
  return { id: 'unauthorized', what: 'credentials are wanted', evidence };
}

function nameByType(type) {
  if (type === 'text/html' || type === 'application/xhtml+xml') return { id: 'html-page', what: 'a page' };
  const what = { '': 'something of no type', 'text/plain': 'plain text' }[type] ??
    (type.endsWith('json') ? 'JSON' : 'something of another type');
  return { id: 'wrong-type', what };
}

// The host of an absolute URL, without credentials and port.
function hostOf(url) {
  const rest = url.includes('://') ? url.slice(url.indexOf('://') + 3) : '';
  const place = rest.split(/[/?#]/, 1)[0].split('@').at(-1);
  return place.startsWith('[') ? place : place.split(':', 1)[0];
}

// The path of a URL, absolute or not.
function pathOf(url) {
  const rest = url.includes('://') ? /\/.*|$/s.exec(url.slice(url.indexOf('://') + 3))[0] : url;
  return rest.split(/[?#]/, 1)[0];
}

// The title of a page, or the first line that is not blank.
function firstLine(text) {
  const line = (text) => text.split('\n').map(trimmed).find((line) => line !== '') ?? null;
  const title = /<title[^>]*>(.*?)<\/title/is.exec(text);
  return (title && line(title[1])) ?? line(text);
}

/* verdict/answer/marks */

// The first row that has a mark of the answer.
function nameByMarks(reply, rows) {
  const text = lower(reply.excerpt);
  for (const { id, what, advice, marks } of rows) {
    const mark = marks.flatMap(Object.entries).find(([kind, value]) => MARKS[kind]?.(value, reply, text));
    if (mark) return { id, what, advice, evidence: evidenceOf(mark, reply) };
  }
  return null;
}

const has = (part) => (value) => lower(value).includes(part);
const isBelow = (host, name) => host === name || host.endsWith(`.${name}`);
const isCloudflare = (reply) =>
  fieldsOf(reply, 'cf-ray').length > 0 || fieldsOf(reply, 'server').some((value) => lower(value) === 'cloudflare');

// Where it was redirected to: every URL but the first, and one that a last redirect names.
function targetsOf(reply) {
  const { redirects, url, status } = reply;
  const next = status >= 300 && status < 400 ? fieldsOf(reply, 'location').slice(0, 1) : [];
  return [...redirects.slice(1), ...(redirects.length > 0 ? [url] : []), ...next];
}

const MARKS = {
  field: ([name, part], reply) => fieldsOf(reply, name).some(has(part)),
  cookie: (name, reply) => fieldsOf(reply, 'set-cookie').some((value) => trimmed(value).startsWith(name)),
  host: (name, reply) => targetsOf(reply).some((url) => isBelow(lower(hostOf(url)), name)),
  segment: (name, reply) => targetsOf(reply).some((url) => pathOf(url).split('/').some((part) => lower(part) === name)),
  text: (part, _, text) => text.includes(part),
  word: (part, { status }, text) => [200, 401, 403, 429, 503].includes(status) && text.includes(part),
  cloudflare: (code, reply, text) =>
    fieldsOf(reply, 'cf-error-type').some((value) => trimmed(value) === `${code}`) ||
    (isCloudflare(reply) && [`error code: ${code}`, `cf-error-code">${code}<`].some((part) => text.includes(part))),
  'cloudflare-status': (status, reply) => reply.status === status && isCloudflare(reply),
};

// The header field that tells, as it came.
function evidenceOf([kind, value], reply) {
  if (kind === 'field') {
    const [name, part] = value;
    const found = fieldsOf(reply, name).find(has(part));
    return found === undefined ? null : `${name}: ${shortened(trimmed(found), VALUE_MAX)}`;
  }
  return { cookie: `set-cookie: ${value}`, cloudflare: `error ${value}` }[kind] ?? null;
}

/* verdict/cure */

// What may make a path stream, what costs least first: id, who can apply it, what is sent, and where that goes.
const CURES = new Map([
  ['accel-no', 'origin', 'X-Accel-Buffering: no', "a header field of the origin's response"],
  ['no-transform', 'origin', 'Cache-Control: no-transform', "a header field of the origin's response"],
  ['no-store', 'origin', 'Cache-Control: no-store', "a header field of the origin's response"],
  ['encoding-identity', 'origin', 'Content-Encoding: identity', "a header field of the origin's response; it tells compressors that the response is coded already"],
  ['heartbeat', 'origin', ':', 'a line with a colon and an empty line, sent by the origin whenever it has been quiet for a while'],
  ['early-byte', 'origin', ':', 'a line with a colon and an empty line, sent by the origin as soon as it is asked'],
  ['chunked', 'origin', 'Transfer-Encoding: chunked', "the framing of the origin's response: chunks, not the end of the connection"],
  ['close-framing', 'origin', 'Connection: close', "the framing of the origin's response: neither Transfer-Encoding nor Content-Length, ended by the connection's end"],
  ['identity', 'client', 'Accept-Encoding: identity', "a header field of the request; browsers don't let a page set it"],
  ['gzip', 'client', 'Accept-Encoding: gzip', 'a header field of the request, as browsers send it'],
  ['pad-4k', 'origin', ': (4096 bytes)', 'a comment of that length, sent by the origin before the first event'],
  ['pad-16k', 'origin', ': (16384 bytes)', 'a comment of that length, sent by the origin before the first event'],
  ['pad-64k', 'origin', ': (65536 bytes)', 'a comment of that length, sent by the origin before the first event'],
  ['big-events', 'origin', ': (32768 bytes)', 'a comment of that length, sent by the origin with each event'],
  ['post', 'client', 'POST', "the request's method; EventSource can't, fetch() can"],
  ['plain-type', 'origin', 'Content-Type: text/plain', "a header field of the origin's response; EventSource refuses it, fetch() doesn't"],
  ['proxy-config', 'proxy-config', '', 'the configuration of what is in between'],
].map(([id, place, line, text], cost) => [id, Object.freeze({ id, place, line, text, cost })]));

// Who can apply a cure, those first that are the easiest to reach.
const PLACES = ['origin', 'client', 'proxy-config'];

const costOf = (id) => CURES.get(id).cost;

/* verdict/diagnosis/variant */

// How late a late first byte is, in milliseconds.
const LATE_MS = 2000;

// Leaves out the header fields that cure some paths, as an application without them would.
const BARE = [['accel', 'none'], ['cache', 'none']];

// What a variant's streams are like, apart from what is changed, as parameters of the origin: events all the while; the
// head at once and the first byte of the body LATE_MS later; an event after longer than the idle time of many, and
// nothing before.
const PACES = {
  steady: [],
  'late-byte': [['delay', '2s']],
  quiet: [['interval', '12s'], ['count', '1'], ['heartbeat', '0']],
};

// All that is done at once to see whether anything of it helps.
const EVERYTHING = ['accel-no', 'no-transform', 'encoding-identity', 'identity', 'pad-64k', 'post'];

// The parameter of the origin that applies a cure.
const PARAMETERS = {
  'accel-no': ['accel', 'no'],
  'no-transform': ['cache', 'no-transform'],
  'no-store': ['cache', 'no-store'],
  'encoding-identity': ['encoding', 'identity'],
  heartbeat: ['heartbeat', '2s'],
  'early-byte': ['delay', '0'],
  chunked: ['framing', 'chunked'],
  'close-framing': ['framing', 'close'],
  'pad-4k': ['pad', '4k'],
  'pad-16k': ['pad', '16k'],
  'pad-64k': ['pad', '64k'],
  'big-events': ['size', '32k'],
  'plain-type': ['type', 'plain'],
};

/** A variant: the plain request and response, with some things changed. */
class Variant {
  // The changes are in the order of their costs.
  constructor(pace, changes) {
    this.pace = pace;
    this.changes = Object.freeze([...changes].sort((a, b) => costOf(a) - costOf(b)));
    Object.freeze(this);
  }

  /** As an application sends it that takes no care. */
  static plain() {
    return Variant.of([]);
  }

  /** With some things changed, which are ids of cures. */
  static of(changes) {
    return new Variant('steady', changes);
  }

  /** With a first byte that is late, to see whether the head waits for it. */
  static lateByte() {
    return new Variant('late-byte', []);
  }

  /** With a long silence, and every header field that helps. */
  static quiet() {
    return new Variant('quiet', []);
  }

  /** The same with comments in the silence. */
  static heartbeat() {
    return new Variant('quiet', ['heartbeat']);
  }

  /** With one thing changed. */
  static singles() {
    const isOwn = (id) => id !== 'heartbeat' && id !== 'proxy-config';
    return [...CURES.keys()].filter(isOwn).map((id) => Variant.of([id]));
  }

  /** With everything changed, in both framings. */
  static everything() {
    return [Variant.of(EVERYTHING), Variant.of([...EVERYTHING, 'close-framing'])];
  }

  /** With two of them changed. */
  static pairs() {
    const parts = [...EVERYTHING, 'close-framing'];
    return parts.flatMap((b, n) => parts.slice(0, n).map((a) => Variant.of([a, b])));
  }

  /**
   * Its id, such as accel-no; of several changes, all their ids, with + between them; of all of them, everything, and
   * with the other framing everything-close.
   */
  id() {
    const all = Variant.everything().findIndex((all) => all.is(this));
    if (all >= 0) return ['everything', 'everything-close'][all];
    if (this.pace === 'late-byte') return 'late-byte';
    if (this.changes.length > 0) return this.changes.join('+');
    return this.pace === 'quiet' ? 'quiet' : 'plain';
  }

  /** It is the same as another. */
  is(other) {
    return this.pace === other.pace && this.changes.join() === other.changes.join();
  }

  /** It has this change. */
  has(id) {
    return this.changes.includes(id);
  }

  /** Whether it asks for a long silence. */
  isQuiet() {
    return this.pace === 'quiet';
  }

  /** Whether events flow all the while, so that its verdict tells whether the path streams. */
  isSteady() {
    return this.pace === 'steady';
  }

  // The parameters of its changes.
  changed() {
    return this.changes.map((id) => PARAMETERS[id]).filter(Boolean);
  }

  /** A URL's query, without its question mark, as this variant has it. */
  query(query) {
    const changed = this.changed();
    const isFree = ([name]) => !changed.some(([other]) => other === name);
    // What it sets whatever the URL has, and what it sets unless the URL has that.
    const set = [...changed, ...PACES[this.pace].filter(isFree)];
    const bare = this.pace === 'quiet' ? [] : BARE.filter(isFree);
    // In front of a part, & keeps a question mark from being taken for that of the query.
    const nameOf = (part) => [...new URLSearchParams(`&${part}`).keys()][0];
    const given = query.split('&').filter((part) => part !== '');
    const kept = given.filter((part) => !set.some(([name]) => name === nameOf(part)));
    const added = [...set, ...bare.filter(([name]) => !given.some((part) => nameOf(part) === name))];
    return [...kept, ...added.map(([name, value]) => `${name}=${value}`)].join('&');
  }

  /** The method, if it sets one. */
  method() {
    return this.has('post') ? 'POST' : null;
  }

  /** What it accepts, if it says so itself. */
  acceptEncoding() {
    return this.changes.find((id) => id === 'identity' || id === 'gzip') ?? null;
  }
}

/* verdict/diagnosis */

/**
 * What came of a variant.
 * @typedef {object} Tried
 * @property {Variant} variant
 * @property {Verdict} verdict what the path does to it
 * @property {?number} headMs when the response's head came, after the request
 * @property {boolean} showsAccel the response shows X-Accel-Buffering
 * @property {?string} coding the response's content coding
 * @property {[Ending, ?number]} end how it ended, and after how long, in microseconds since the request
 * @property {?number} quietUs how long nothing had come when it ended
 * @property {number} late which share of the events that came was late
 */

// Streams cut by a limit on their age end at the same, give or take this.
const SAME_LIFE_US = 500_000;

// So few late events may be a moment's doing.
const FEW = 0.3;

/** It streams in real time. @param {Tried} tried */
const doesStream = ({ verdict }) => verdict.verdict === 'real-time';
const wasCut = ({ verdict }) => verdict.verdict === 'cut';

/** There was no answer, or there were too many at once. @param {Tried} tried */
function isRefused({ verdict: { verdict, findings } }) {
  const refusals = ['too-many-requests', 'unavailable', 'streams-refused'];
  if (verdict === 'unreachable') return true;
  return (verdict === 'not-sse' || verdict === 'silent') && findings.some(({ id }) => refusals.includes(id));
}

/** It tells nothing. @param {Tried} tried */
const isVoid = (tried) => isRefused(tried) || tried.verdict.verdict === 'inconclusive';

// It is held in the same way, and for about as long, as far as that is known.
function isLike({ verdict: one }, { verdict: other }) {
  const [a, b] = [one.hold.ms, other.hold.ms];
  const isNear = a === null || b === null || Math.max(a, b) < 2 * Math.min(a, b);
  return one.verdict === other.verdict && one.hold.kind === other.hold.kind && isNear;
}

/** It doesn't stream, but hardly so, or can't be told: another look may show something else. @param {Tried} tried */
function isDoubtful({ verdict: { verdict }, late }) {
  return verdict === 'inconclusive' || (['batched', 'lagging', 'late-start'].includes(verdict) && late <= FEW);
}

// There was a stream, and it was not cut.
const wasLetBe = (tried) => !isRefused(tried) && !['cut', 'not-sse', 'silent'].includes(tried.verdict.verdict);

// The one with these changes.
const find = (tried, variant) => tried.find((other) => other.variant.is(variant)) ?? null;

/**
 * Those of one change, or of several if that is what it takes, that stream; what costs least first. Of paddings, the
 * least.
 * @param {Tried[]} tried the plain one first
 * @returns {Tried[]}
 */
function working(tried) {
  // Where the type is what is wrong, another one is no cure.
  const isMistyped = tried.length > 0 && tried[0].verdict.verdict === 'not-sse';
  const isCure = ({ variant }) =>
    variant.isSteady() && variant.changes.length > 0 && !(isMistyped && variant.has('plain-type'));
  const works = tried.filter((tried) => isCure(tried) && doesStream(tried)).sort(byCost);
  const fewest = works.filter(({ variant }) => variant.changes.length === works[0].variant.changes.length);
  const isPadding = ({ variant: { changes } }) => changes.length === 1 && changes[0].startsWith('pad-');
  const thinnest = fewest.find(isPadding);
  return fewest.filter((tried) => !isPadding(tried) || tried.variant.is(thinnest.variant));
}

// One change costs less than two, and each as much as its place among all.
function byCost({ variant: { changes: a } }, { variant: { changes: b } }) {
  const [costsA, costsB] = [a.map(costOf), b.map(costOf)];
  const first = costsA.findIndex((cost, n) => cost !== costsB[n]);
  const fewer = a.length - b.length || (most(costsA) ?? 0) - (most(costsB) ?? 0);
  return fewer || (first < 0 ? 0 : costsA[first] - costsB[first]);
}

/**
 * The pairs to try: those whose parts were tried, if no change alone makes the path stream, but all of them together do.
 * @param {Tried[]} tried
 * @returns {Variant[]}
 */
function pairs(tried) {
  const works = working(tried);
  const isSingle = ({ variant }) => variant.changes.length === 1;
  if (tried.length === 0 || doesStream(tried[0]) || works.length === 0 || works.some(isSingle)) return [];
  const wasTried = (id) => find(tried, Variant.of([id])) !== null;
  // What streams with everything has a pair of its framing, if any.
  const closes = (variant) => variant.has('close-framing');
  const isLikely = (pair) => works.some(({ variant }) => closes(variant) || !closes(pair));
  return Variant.pairs().filter((pair) => pair.changes.every(wasTried) && isLikely(pair));
}

/**
 * The variants to be measured once more before they are called working, what costs least first.
 * @param {Tried[]} tried
 * @returns {Variant[]}
 */
function toConfirm(tried) {
  const isHeld = tried.length > 0 && !doesStream(tried[0]);
  const cures = isHeld ? working(tried).map(({ variant }) => variant) : [];
  return [...cures, ...(isIdleCut(tried) ? [Variant.heartbeat(), Variant.quiet()] : [])];
}

// A silence is cut, and comments keep it from being cut.
function isIdleCut(tried) {
  const [quiet, beating] = [find(tried, Variant.quiet()), find(tried, Variant.heartbeat())];
  return quiet !== null && wasCut(quiet) && beating !== null && wasLetBe(beating);
}

// The age at which the streams that run for the longest were cut, comments or not; null if they weren't.
function ageCutUs(tried) {
  const cutUs = (variant) => {
    const found = find(tried, variant);
    return found !== null && wasCut(found) ? found.end[1] : null;
  };
  const [quiet, beating] = [cutUs(Variant.quiet()), cutUs(Variant.heartbeat())];
  if (quiet === null || beating === null || Math.abs(quiet - beating) >= SAME_LIFE_US) return null;
  return Math.min(quiet, beating);
}

/**
 * Why a path does what it does, and the least that makes it stream.
 * @param {object} evidence
 * @param {Tried[]} evidence.tried what came of the variants, the plain one first
 * @param {Tried[]} [evidence.again] what came of some of them the second time, the plain one first
 * @param {?Tried} [evidence.control] what came of the plain variant at the pace that the others had
 * @param {boolean} [evidence.isOurs] whether the origin is one of ours
 * @param {?string} [evidence.originHttp] the HTTP version with which our origin was asked
 * @param {boolean} [evidence.isGone] nothing of the origin answers any more
 * @param {boolean} [evidence.isCutShort] the time was up, or the user had enough, before all was seen
 * @param {?object} [evidence.hop] who is in between
 * @param {object[]} [evidence.cures] the cure book
 * @returns {{cause: ?{id: string, text: string}, remedies: {id: string, changes: string[], place: string,
 *   works: ?boolean, text: string}[], smallest: ?string, advice: object[], notes: string[], idleCutS: ?number,
 *   lifetimeCutS: ?number}}
 *   cause: null if the plain variant streams; remedies: what was tried, what costs least first, and what to look for in
 *   a configuration; smallest: the id of the least that was seen to work, twice
 */
function diagnose(given) {
  const nothing = {
    again: [], control: null, isOurs: true, originHttp: null, isGone: false, isCutShort: false, hop: null, cures: [],
  };
  const evidence = { ...nothing, ...given };
  const { tried } = evidence;
  if (tried.length === 0) {
    return { cause: null, remedies: [], smallest: null, advice: [], notes: [], idleCutS: null, lifetimeCutS: null };
  }
  const [plain] = tried;
  const remedies = remediesOf(evidence, plain);
  const smallest = remedies.find(({ works }) => works === true);
  // What was seen once is no cure to be trusted, but it says something about the path.
  const once = evidence.again.length === 0 ? working(tried) : [];
  const isOnce = ({ id }) => once.some(({ variant }) => variant.id() === id);
  const works = remedies.filter((remedy) => remedy.works === true || isOnce(remedy)).map((remedy) => remedy.changes);
  const cause = causeOf(evidence, plain, works);
  const advice = cause === null ? [] : adviceOf(evidence, plain, cause);
  const quietUs = isIdleCut(tried) ? find(tried, Variant.quiet()).quietUs : null;
  const [how, afterUs] = plain.end;
  const ageUs = (wasCut(plain) && how === 'lifetime-cut' ? afterUs : null) ?? ageCutUs(tried);
  return {
    cause,
    remedies: [...remedies, ...configurationOf(advice, cause)],
    smallest: smallest?.id ?? null,
    advice,
    notes: notesOf(evidence, plain),
    idleCutS: quietUs === null ? null : quietUs / 1e6,
    lifetimeCutS: ageUs === null ? null : ageUs / 1e6,
  };
}

// The plain variant streams and doesn't, by turns.
function isUnsteady({ again, control }, plain) {
  // Without so much as a head it may have been kept back.
  const tells = (other) => !isVoid(other) && (other.headMs !== null || plain.headMs === null);
  const others = [...again.slice(0, 1), control].filter(isKnown).filter(tells);
  return !isVoid(plain) && others.some((other) => doesStream(other) !== doesStream(plain));
}

// What was tried as a cure, what costs least first.
function remediesOf(evidence, plain) {
  const { tried, again } = evidence;
  if (plain.verdict.verdict === 'unreachable') return [];
  if (doesStream(plain)) {
    const beating = isIdleCut(tried) ? find(again, Variant.heartbeat()) : null;
    return beating === null ? [] : [remedy(beating.variant, wasLetBe(beating))];
  }
  const isByTurns = isUnsteady(evidence, plain);
  const helps = working(tried);
  const isShown = ({ variant }) =>
    variant.isSteady() && (variant.changes.length === 1 || helps.some((other) => other.variant.is(variant)));
  const works = (tried) => {
    const second = find(again, tried.variant);
    if (isVoid(tried)) return null;
    if (!doesStream(tried)) return false;
    return second !== null && doesStream(second) && !isByTurns ? true : null;
  };
  return tried.filter(isShown).sort(byCost).map((tried) => remedy(tried.variant, works(tried)));
}

function remedy(variant, works) {
  const changes = variant.changes.map((id) => CURES.get(id));
  const place = PLACES[most(changes.map((cure) => PLACES.indexOf(cure.place))) ?? 0];
  const text = changes.map((cure) => `${cure.line} (${cure.text})`).join('; and ');
  return { id: variant.id(), changes: variant.changes, place, works, text };
}

/* verdict/diagnosis/cause */

// A head that takes so long, in milliseconds, waited for something.
const HEAD_LATE_MS = 1000;
// A head that came so much sooner than a late first byte, in milliseconds, didn't wait for it.
const HEAD_SOONER_MS = 500;

// The cause, given the changes that are known to work.
function causeOf(evidence, plain, works) {
  if (isUnsteady(evidence, plain)) {
    const text = "the same request streamed one time and not another: the path doesn't do the same every time, as where " +
      'several servers take turns, or a machine is busy';
    return { id: 'unsteady', text };
  }
  return doesStream(plain) ? limitOf(evidence) : new Conditions(evidence, plain, works).cause();
}

// The path streams, but doesn't let a stream be quiet, or be for long.
function limitOf({ tried }) {
  const ageUs = ageCutUs(tried);
  if (ageUs !== null) {
    return { id: 'lifetime-limit', text: `a stream is cut at an age of ${time(ageUs)}, however busy it is` };
  }
  const quietUs = isIdleCut(tried) ? find(tried, Variant.quiet()).quietUs : null;
  if (quietUs === null) return null;
  const text = `a stream is cut when nothing was sent for ${time(quietUs)}; comments keep it open`;
  return { id: 'idle-limit', text };
}

// What the path was seen to look at.
class Conditions {
  // What works: lists of changes, each with all that it takes.
  constructor(evidence, plain, works) {
    Object.assign(this, { evidence, plain, works });
  }

  // It is part of what works.
  has(id) {
    return this.works.some((changes) => changes.includes(id));
  }

  // It is part of what works, and not just because whatever holds plain streams lets more than one kind pass.
  tells(id) {
    return this.has(id) && !this.works.some((changes) => changes.join() === 'accel-no');
  }

  cause() {
    const { verdict, findings, summary } = this.plain.verdict;
    const found = findings[0] ?? null;
    // Nothing came, so there is nothing to reason from, but for what it says itself.
    if (verdict === 'unreachable' || (verdict === 'inconclusive' && this.works.length === 0)) return null;
    if (verdict === 'not-sse' && this.works.length === 0) return found && { id: found.id, text: found.text };
    if (verdict === 'corrupt') return found && this.tell(found.id === 'replay' ? 'replay' : 'damage', summary);
    return this.tell(this.id(), this.mechanism());
  }

  // The cause, with all that is known of what it depends on.
  tell(id, mechanism) {
    const more =
      [this.coding(), this.framing(), this.kind(), this.method(), this.header(), this.oldHttp(), this.head()];
    return { id, text: [mechanism, ...more.filter(isKnown)].join('; ') };
  }

  id() {
    const { end: [how], verdict: { verdict, hold: { kind } } } = this.plain;
    if (verdict === 'cut') return { 'lifetime-cut': 'lifetime-limit', 'idle-cut': 'idle-limit' }[how] ?? 'cut';
    if (verdict === 'silent' && this.works.length === 0) return 'silent';
    if (verdict === 'lagging' && kind === 'unknown') return 'rate-limit';
    if (this.isCompressor()) return 'compressor';
    if (this.isCork()) return 'cork';
    if (this.has('close-framing') || this.has('chunked')) return 'framing';
    if (this.tells('plain-type')) return 'content-type';
    if (this.tells('post')) return 'method';
    const timed = { constant: 'delay', time: 'timer', 'start-time': 'start-timer' };
    if (timed[kind]) return timed[kind];
    if (this.isEaten()) return 'header-eaten';
    return { 'one-event': 'one-behind', bytes: 'buffer', 'start-bytes': 'start-buffer' }[kind] ?? 'until-close';
  }

  isCompressor() {
    // Without it, something else holds.
    const identity = this.tried('identity');
    const isBehind = this.plain.verdict.hold.kind === 'one-event';
    const isUncovered = isBehind && identity !== null && !doesStream(identity) && this.isUnusual(identity);
    return isUncovered || ['identity', 'no-transform', 'encoding-identity'].some((id) => this.has(id));
  }

  isCork() {
    return this.plain.verdict.findings.some((found) => found.id === 'cork');
  }

  tried(id) {
    const tried = find(this.evidence.tried, Variant.of([id]));
    return tried === null || isVoid(tried) ? null : tried;
  }

  // Our origin sent the field, and it didn't arrive, and yet it didn't help.
  isEaten() {
    const tried = this.tried('accel-no');
    if (tried === null || tried.headMs === null || tried.showsAccel) return false;
    return this.evidence.isOurs && this.works.length === 0 && this.leftByAccel() === null;
  }

  // What the path does where X-Accel-Buffering: no changes something, and yet doesn't make it stream.
  leftByAccel() {
    const tried = this.tried('accel-no');
    return tried !== null && !doesStream(tried) && this.isUnusual(tried) ? tried : null;
  }

  // The change changes how streams are held. What brings fewer bytes is held until the end where more are not.
  isUnusual(tried) {
    return tried.verdict.hold.kind !== 'close' && !isLike(tried, this.plain);
  }

  // What is held, and until when.
  mechanism() {
    const { verdict, summary, hold: held } = this.plain.verdict;
    const bytes = held.bytes === null ? 'some bytes' : `${held.bytes} bytes`;
    const ms = held.ms === null ? 'some time' : time(held.ms * 1000);
    if ((held.kind === 'time' || held.kind === 'constant') && this.isCork()) {
      return `each event is late by up to ${ms}, which is how long a corked socket waits for more`;
    }
    const said = {
      bytes: `a buffer is passed on only when it is full, whenever ${bytes} are together`,
      'start-bytes': `a buffer is filled once, with the first ${bytes}, and then everything passes`,
      time: `what has come is passed on by a timer, every ${ms}`,
      'start-time': `the start is held for ${ms}, and then everything passes`,
      constant: `each event is late by ${ms}`,
      'one-event': 'each event is kept until the next one is sent',
      close: 'the response is kept until the origin ends it; to hold more bytes, or for longer, than there were would look ' +
        'the same',
    }[held.kind];
    const nothing = 'nothing of the response arrives, not even when the origin ends it';
    return said ?? (verdict === 'silent' ? nothing : summary);
  }

  coding() {
    const names = [
      ['no-transform', 'Cache-Control: no-transform'],
      ['encoding-identity', 'Content-Encoding: identity'],
      ['identity', 'Accept-Encoding: identity'],
    ];
    const said = (names) => names.map(([, name]) => name).join(' or ');
    const works = (id) => this.works.some((changes) => changes.join() === id);
    const obeyed = names.filter(([id]) => works(id));
    if (obeyed.length > 0) {
      const ignored = names.filter(([id]) => this.tried(id) !== null && !doesStream(this.tried(id)));
      const but = ignored.length === 0 ? '' : `, but not with ${said(ignored)}`;
      return `it is a compressor: with ${said(obeyed)} the path streams${but}`;
    }
    const identity = this.tried('identity');
    if (identity === null) return null;
    const { coding, verdict } = this.plain;
    const wasCoded = coding !== null || verdict.verdict === 'silent';
    if (!this.isUnusual(identity) || !wasCoded || identity.coding !== null) return null;
    return `a compressor holds it, too: without gzip it is ${identity.verdict.verdict}`;
  }

  framing() {
    if (this.has('close-framing')) return 'it does that to chunked responses: one that its connection ends passes';
    if (this.has('chunked')) return 'it does that to responses that their connection ends: chunked ones pass';
    return null;
  }

  kind() {
    const isAlone = this.tells('plain-type') && !this.isCompressor();
    return isAlone ? "it looks at the content type: text/plain passes, text/event-stream doesn't" : null;
  }

  method() {
    const isAlone = this.tells('post') && !this.isCompressor();
    return isAlone ? "it looks at the method: a POST passes, a GET doesn't" : null;
  }

  header() {
    if (this.has('accel-no')) return 'it obeys X-Accel-Buffering, as nginx does';
    const left = this.leftByAccel();
    if (left !== null) return `it obeys X-Accel-Buffering, and something else is left then: ${left.verdict.summary}`;
    if (this.id() !== 'header-eaten') return null;
    return 'something takes X-Accel-Buffering out of the response, and something holds it nonetheless: either one ' +
      'proxy obeys it and another, further out, never sees it, or one is told to ignore it';
  }

  oldHttp() {
    const isHeld = this.plain.verdict.hold.kind !== 'none';
    const isOld = this.evidence.originHttp === 'HTTP/1.0';
    return isOld && isHeld ? 'the origin is asked with HTTP/1.0, which knows no chunks' : null;
  }

  head() {
    const isHeld = this.plain.verdict.hold.kind !== 'none';
    const waits = this.plain.headMs === null || this.plain.headMs >= HEAD_LATE_MS;
    return isHeld && waits ? 'not even the head of the response passes before' : null;
  }
}

// What else there is to say.
function notesOf(evidence, plain) {
  const { tried, again, isOurs, isGone, isCutShort } = evidence;
  if (plain.verdict.verdict === 'unreachable') return [];
  const notes = [];
  if (!isOurs && plain.verdict.verdict !== 'not-sse') {
    notes.push("the origin isn't one of ours, so that only what a client can change was tried, and only how events " +
      'arrive is known; put sse-argo-tester serve behind the same path, and its framing, header fields, padding and ' +
      'exact lags are tried, too');
  }
  const limit = doesStream(plain) ? null : limitOf(evidence);
  if (limit !== null) notes.push(limit.text);
  const head = doesStream(plain) ? find(tried, Variant.lateByte()) : null;
  if (head !== null && (head.headMs === null || head.headMs >= LATE_MS - HEAD_SOONER_MS)) {
    notes.push('the head of the response waits for the first byte of its body: send a comment at once');
  }
  if (isGone) notes.push('now nothing answers any more: the origin, or something on the way, may have died meanwhile');
  if (isCutShort) notes.push('it was ended before all was seen: what is missing is not known');
  const steady = tried.filter(({ variant }) => variant.isSteady());
  const worse = steady.filter((tried) => doesStream(plain) && !doesStream(tried) && !isVoid(tried));
  if (worse.length > 0) {
    const said = worse.map(({ variant, verdict }) => `${variant.id()} (${verdict.verdict})`).join(', ');
    notes.push(`it would not stream with: ${said}`);
  }
  const names = (tried) => tried.map(({ variant }) => variant.id()).join(', ');
  const refused = steady.filter(isRefused);
  if (refused.length > 0 && !isRefused(plain)) {
    notes.push(`not known, as they were refused or kept back: ${names(refused)}; something passes fewer streams at ` +
      'once than were asked for');
  }
  const isSeenOnce = (tried) =>
    tried.variant.changes.length === 1 && doesStream(tried) && find(again, tried.variant) === null;
  const once = steady.filter(isSeenOnce);
  if (once.length > 0 && again.length === 0 && !doesStream(plain) && !isVoid(plain)) {
    notes.push(`seen to stream, but once only, as there was no time for more: ${names(once)}`);
  }
  return notes;
}

/* verdict/cures: the cure book, as the origin has it */

// Whether a path with this mechanism may be judged so: exactly so, or because it holds more than was sent, or for longer
// than the streams ran.
function looks(shape, { verdict, hold: { kind } }) {
  const [made, held] = shape.split('/');
  const holdsBytes = held === 'bytes' || held === 'start-bytes';
  const holdsAll = made === 'held-until-close' || made === 'silent';
  const isSame = made === verdict && held === kind;
  return isSame || (verdict === 'held-until-close' && (holdsBytes || holdsAll)) || (verdict === 'silent' && holdsAll);
}

/* verdict/diagnosis/advice */

// More products are not named.
const PRODUCTS_MOST = 2;

// What the book has for what was seen: of each product that shows, the mechanism that fits best; if none does, of one that
// leaves no mark and was measured to do just that.
function adviceOf(evidence, plain, cause) {
  const { hop, cures } = evidence;
  const names = hop === null ? [] : hop.name.split(BETWEEN);
  const meant = cures.filter(({ hops }) => names.some((name) => hops.includes(name)));
  // Of several entries for one product, the first is the most general.
  const isAsLast = (kept, { hops }) => kept.length > 0 && hops.some((hop) => kept.at(-1).hops.includes(hop));
  const seen = meant.reduce((kept, entry) => (isAsLast(kept, entry) ? kept : [...kept, entry]), []);
  const limit = { 'idle-limit': 'idle', 'lifetime-limit': 'total' }[cause.id];
  if (limit) return seen.map((entry) => limited(entry, limit)).filter(isKnown).slice(0, PRODUCTS_MOST);
  const bestOf = (entry, isSeen) => best(entry, evidence, plain, cause, isSeen);
  let found = seen.map((entry) => bestOf(entry, true)).filter(isKnown);
  if (found.length === 0) {
    const others = cures.filter(({ id }) => seen.every((other) => other.id !== id)).map((entry) => bestOf(entry, false));
    found = others.filter(isKnown).filter(([fits, advice]) => fits >= 4 && advice.source.basis === 'measured');
  }
  const mostFits = most(found.map(([fits]) => fits));
  return found.filter(([fits]) => fits === mostFits).map(([, advice]) => advice).slice(0, PRODUCTS_MOST);
}

const configured = ({ cures = [] }) => cures.find(({ id }) => id === 'proxy-config') ?? null;

// The mechanism of a product that fits best, and how well.
function best(entry, evidence, plain, cause, isSeen) {
  const behind = (entry.mechanisms ?? []).filter(({ makes }) => makes.some((shape) => looks(shape, plain.verdict)));
  const fitting = behind.filter((mechanism) => configured(mechanism) !== null)
    .map((mechanism) => [fit(mechanism, evidence, cause), mechanism]);
  // Of those that fit alike, the one that comes first.
  const found = fitting.reduce((one, next) => (one !== null && one[0] >= next[0] ? one : next), null);
  if (found === null) return null;
  const [fits, mechanism] = found;
  const advice = advised(entry, mechanism.why, mechanism.from, configured(mechanism), isSeen);
  return advice === null ? null : [fits, advice];
}

// The limit of this kind that a product which shows has.
function limited(entry, kind) {
  const limit = (entry.limits ?? []).find((limit) => limit.kind === kind && configured(limit) !== null);
  return limit ? advised(entry, limit.what, limit.from, configured(limit), true) : null;
}

// How many of a mechanism's cures do here what they do there, less those that don't; and whether it is a compressor, and
// about the HTTP version, as here.
function fit({ why, cures = [] }, { tried, originHttp }, cause) {
  const works = working(tried);
  const agrees = ({ id }) => {
    const found = find(tried, Variant.of([id]));
    // The plain variant has it, and yet it is held.
    if (found === null) return ['chunked', 'close-framing', 'identity'].includes(id) ? -1 : 0;
    if (isVoid(found)) return 0;
    return works.includes(found) ? 1 : -1;
  };
  const says = (word) => lower(why).includes(word);
  const compresses = ['gzip', 'compress', 'encode', 'deflate'].some(says);
  const ofCoding = compresses === cause.text.includes('compressor') ? 1 : 0;
  const ofVersion = says('http/1.0') === (originHttp === 'HTTP/1.0') ? 1 : 0;
  return sum(cures.map(agrees)) * 4 + ofCoding * 2 + ofVersion;
}

// What the product does, and the lines that change it; with the names of `diagnose --json`.
function advised(entry, why, claimFrom, { where, lines = [], text = null, from = claimFrom }, isSeen) {
  const source = entry.sources[from];
  if (where === undefined || source === undefined) return null;
  const { basis, checked, versions = null, url = null, section = null } = source;
  return {
    product: entry.name, is_seen: isSeen, why, where, lines, text, source: { basis, checked, versions, url, section },
  };
}

const BUFFERING_OFF = 'turn response buffering off for this path';
const TIMED = 'look for a flush interval, an inspection with a time limit, or a delay that was put in';

// What to look for in a configuration, whoever's it is.
const IN_GENERAL = {
  buffer: BUFFERING_OFF,
  'start-buffer': BUFFERING_OFF,
  'until-close': BUFFERING_OFF,
  'one-behind': BUFFERING_OFF,
  framing: BUFFERING_OFF,
  silent: BUFFERING_OFF,
  'header-eaten': 'let the inner proxy pass X-Accel-Buffering on (nginx: proxy_pass_header X-Accel-Buffering;), or turn ' +
    'response buffering off in each of them (nginx: proxy_buffering off;)',
  compressor: 'leave text/event-stream out of what is compressed',
  'content-type': 'leave text/event-stream out of what inspects or rewrites responses',
  cork: 'let the proxy send small segments at once: TCP_NODELAY (haproxy: option http-no-delay)',
  timer: TIMED,
  'start-timer': TIMED,
  delay: TIMED,
  method: "look for what treats GET requests apart: a cache, or a tunnel's edge",
  'rate-limit': 'look for a limit on bytes a second',
  'lifetime-limit': "raise the limit on how long a response may take; heartbeats don't help",
  'idle-limit': 'raise the limit on how long a response may be quiet',
  replay: 'take this path out of the cache',
};

// The change of a configuration, as one of the things that may help. It can't be tried from here.
function configurationOf(advice, cause) {
  const told = ({ product, where, lines, text }) =>
    `${product}, ${where}: ${lines.length === 0 ? text ?? '' : lines.join(' ')}`;
  const text = advice.length > 0 ? told(advice[0]) : cause && IN_GENERAL[cause.id];
  return text ? [{ id: 'proxy-config', changes: ['proxy-config'], place: 'proxy-config', works: null, text }] : [];
}

/* probe/outcome */

// Streams that the origin begins so much later than they were asked for have waited on their way.
const BEGUN_LATE_US = 1_000_000;

/**
 * What there is to judge by of streams that ran at once: what failed, what was kept back on its way, and what counts.
 * @param {{recorder: Recorder, finding: ?object, neverBegan: boolean}[]} found the finding says why there was no stream;
 *   neverBegan, that the origin didn't begin it, or too late
 * @returns {{answer: object, streams: Summary[], first: object, findings: object[]}} the first of those that count; the
 *   findings are for the verdict
 */
function sortOut(found, clock, stalls) {
  const failed = found.filter(({ finding }) => finding !== null);
  const [kept, begun] = [true, false].map((is) =>
    found.filter(({ finding, neverBegan }) => finding === null && neverBegan === is));
  // If there are no others, they have to do.
  const counted = begun.length === 0 && failed.length === 0 ? kept.splice(0) : begun;
  const summed = counted.map((seen) => [seen, seen.recorder.summary(clock, stalls)]);
  // What was begun when its time was nearly up says nothing, either, where others say something.
  const others = summed.filter(([, stream]) => !wasBegunInVain(stream));
  const used = others.length === 0 ? summed : others;
  const streams = used.map(([, stream]) => stream);
  const [first] = [...used.map(([seen]) => seen), ...failed, ...found];
  const isFailed = failed.length > 0 && (used.length === 0 || failsSmallEvents(failed[0].finding, found, streams));
  if (isFailed) {
    const { finding } = failed[0];
    return { answer: { kind: finding.id === 'no-answer' ? 'unreachable' : 'not-sse', finding }, streams, first, findings: [] };
  }
  return { answer: { kind: 'stream' }, streams, first, findings: refusals(failed, kept, summed, streams) };
}

// The origin began it later than it was asked for, and no event came before it was left.
function wasBegunInVain({ staleUs, end, counts, spec }) {
  return staleUs !== null && -staleUs > BEGUN_LATE_US && end === 'ours' && counts.received === 0 && spec.count !== 0;
}

// Whether the path gives up on streams of small events, which name the verdict: it waits for more of a body than they
// bring in time. What refuses them for another reason may do so because there are several at once.
function failsSmallEvents({ id }, found, streams) {
  const smallest = least(found.map(({ recorder }) => recorder.spec.size));
  return ['bad-gateway', 'gateway-timeout'].includes(id) && !streams.some(({ spec }) => spec.size === smallest);
}

// What limits how many streams run at once.
function refusals(failed, kept, summed, streams) {
  const vain = summed.length - streams.length;
  const brought = () => `${failed.length} of ${failed.length + streams.length} streams at once brought none: ` +
    failed[0].finding.text;
  const reached = () =>
    `not counted: ${kept.length} of ${kept.length + streams.length} streams at once, which never reached the origin`;
  const late = () =>
    `not counted: ${vain} of ${summed.length} streams at once, which reached the origin when the time was nearly up`;
  const told = [[failed.length, brought], [kept.length, reached], [vain, late]].filter(([count]) => count > 0);
  return told.map(([, text]) => finding('streams-refused', text()));
}

globalThis.Core = Object.freeze({
  LUMP_GAP_US, WITHIN_US, LATE_MS, FINDINGS, CURES, NO_PRODUCTS,
  Clock, Decoder, Recorder, Sequence, Verdict, Variant,
  whatOf, finding, holdOf, time, hopOf, problem, judge, representative, ending, doesStream, isLike, isVoid, isDoubtful,
  working, pairs, toConfirm, diagnose, sortOut, BEGUN_LATE_US,
});
