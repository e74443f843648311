// Bytes of an event stream in, events out: WHATWG HTML, section 9.2.6,
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.

/**
 * What an event stream is made of. Offsets count bytes of the stream.
 * @typedef {object} Message
 * @property {string} type
 * @property {string} data
 * @property {string} id the last event ID
 * @property {number} start where the event's first field begins
 * @property {number} end where the empty line after it ends
 *
 * @typedef {object} Listener what a decoder calls
 * @property {(message: Message) => void} event
 * @property {(end: number) => void} comment
 * @property {(ms: number) => void} retry
 */

/** Longest line, and most data of one event, in bytes: a stream without line breaks must not fill the memory. */
const LINE_MAX = 16 * 1024 * 1024;
const LF = 10;
const CR = 13;

/** Decodes a stream that is cut anywhere. Each item comes out with the byte that completes it. */
export class Decoder {
  #offset = 0;
  /** The unfinished line: its text, its bytes, and where it begins. */
  #line = '';
  #size = 0;
  #lineStart = 0;
  /**
   * Where the first field of the unfinished block begins.
   * @type {?number}
   */
  #blockStart = null;
  /** The byte before was CR: an LF now belongs to it. A line that ends in CR is complete without waiting for that. */
  #isAfterCr = false;
  #isFirstLine = true;
  /** @type {string[]} */
  #data = [];
  #dataSize = 0;
  #type = '';
  #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  #on;
  #id;

  /**
   * @param {Listener} on
   * @param {string} [lastId] the last event ID of the stream that this one continues
   */
  constructor(on, lastId = '') {
    this.#on = on;
    this.#id = lastId;
  }

  /**
   * Takes the next bytes. False if a line or an event is too long: then the decoder is of no use any more.
   * @param {Uint8Array} bytes
   */
  feed(bytes) {
    for (let at = 0; at < bytes.length;) {
      const isOfCr = this.#isAfterCr && bytes[at] === LF;
      this.#isAfterCr = false;
      if (isOfCr) {
        at++;
        this.#lineStart = ++this.#offset;
        continue;
      }
      let end = at;
      while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
      this.#size += end - at;
      if (this.#size > LINE_MAX) return false;
      this.#line += this.#utf8.decode(bytes.subarray(at, end), { stream: true });
      this.#offset += end - at;
      if (end < bytes.length) {
        this.#isAfterCr = bytes[end] === CR;
        this.#offset++;
        this.#endLine();
        if (this.#dataSize > LINE_MAX) return false;
      }
      at = end + 1;
    }
    return true;
  }

  #endLine() {
    const [start, whole] = [this.#lineStart, this.#line + this.#utf8.decode()];
    const line = this.#isFirstLine && whole.startsWith('\ufeff') ? whole.slice(1) : whole;
    const size = this.#size;
    [this.#line, this.#size, this.#lineStart, this.#isFirstLine] = ['', 0, this.#offset, false];
    if (line === '') this.#endBlock();
    else if (line.startsWith(':')) this.#on.comment(this.#offset);
    else {
      this.#blockStart ??= start;
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      this.#field(name, value, size);
    }
  }

  /**
   * @param {string} name
   * @param {string} value
   * @param {number} size bytes of the line
   */
  #field(name, value, size) {
    if (name === 'data') {
      this.#data.push(value);
      this.#dataSize += size;
    } else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.#on.retry(Number(value));
  }

  // Dispatches the event, if the block has data.
  #endBlock() {
    const [data, type, start] = [this.#data, this.#type, this.#blockStart];
    [this.#data, this.#dataSize, this.#type, this.#blockStart] = [[], 0, '', null];
    if (data.length === 0 || start === null) return;
    this.#on.event({ type: type || 'message', data: data.join('\n'), id: this.#id, start, end: this.#offset });
  }
}
