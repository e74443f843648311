// What the page asks for. The query of its address is that of the stream, but for the method, which is the page's own.

/** @type {Record<string, string>} */
export const METHODS = { eventsource: 'GET by EventSource', fetch: 'GET by fetch()', post: 'POST by fetch()' };

/** @param {string} part of a query */
export const nameOf = (part) => [...new URLSearchParams(`&${part}`).keys()][0];

/** @param {string} query */
export const partsOf = (query) => query.replace(/^\?/, '').split('&').filter((part) => part !== '');

export const parameters = () => new URLSearchParams(location.search);

/** @returns {'eventsource'|'fetch'|'post'} */
export function method() {
  const given = parameters().get('method');
  return given === 'fetch' || given === 'post' ? given : 'eventsource';
}

/**
 * The URL of what lies beside the page. The page's own URL may have credentials: then fetch() refuses relative URLs.
 * @param {string} path
 */
export const beside = (path) => new URL(path, location.origin + location.pathname).href;

/** @param {string} query of the stream */
export const eventsUrl = (query) => beside(query ? `events?${query}` : 'events');

/** The query of the live stream. */
export const streamQuery = () => partsOf(location.search).filter((part) => nameOf(part) !== 'method').join('&');

/** The page's address, with which somebody else asks for the same. */
export const link = () => beside(location.search || '.');

/**
 * A duration of the query in microseconds; a second if it is none.
 * @param {?string} text
 */
export function durationUs(text) {
  const [, number, unit = 'ms'] = /^([\d.]+)(ms|s|m|h)?$/.exec(text ?? '') ?? [];
  /** @type {Record<string, number>} */
  const units = { ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
  return number ? Number(number) * units[unit] : 1e6;
}

/** The parameters that ask the stream to begin late. */
export const delaysAsked = () => ['head_delay', 'delay'].filter((name) => parameters().has(name));
