// What lets somebody in is left out of whatever leaves the page: credentials in URLs, and values that are called like
// this. Of the request's header fields the origin itself hides them.

const SECRET = 'api[-_]?key|assertion|auth|cookie|credential|csrf|jwt|passw|secret|session|signature|ticket|token|xsrf';
const PART = '[^\\s"\'<>=&#]*';
const SECRET_VALUE = new RegExp(`([?&](?:${PART}(?:${SECRET})${PART}|key|sig|pass|pwd)=)[^\\s"'<>&#]+`, 'gi');

/** @param {string} text */
export const hushed = (text) => text.replace(/(:\/\/)[^\s"'<>/?#]*@/g, '$1').replace(SECRET_VALUE, '$1***');
