// The form that says what the live stream asks for. Its values go into the page's address.

import { get, make } from './dom.js';
import { METHODS, nameOf, parameters, partsOf } from './query.js';

/** @type {Record<string, [string, string][]>} */
const CONTROLS = {
  interval: [['10ms', '10 ms'], ['100ms', '100 ms'], ['', '1 s'], ['5s', '5 s'], ['30s', '30 s']],
  size: [['', 'none'], ['1k', '1 KiB'], ['32k', '32 KiB'], ['256k', '256 KiB']],
  pad: [['', 'none'], ['4k', '4 KiB'], ['16k', '16 KiB'], ['64k', '64 KiB']],
  method: [['', METHODS.eventsource], ['fetch', METHODS.fetch], ['post', METHODS.post]],
};
/** A change waits so long for further ones. */
const SETTLE_MS = 400;

const form = () => get('settings', HTMLFormElement);

/**
 * @param {string} name
 * @returns {any} a control of the form
 */
const control = (name) => form().elements.namedItem(name);

// The header fields that cure some paths are left out of the stream.
const isBare = () => ['accel', 'cache'].some((name) => parameters().get(name) === 'none');

export function fillControls() {
  for (const [name, choices] of Object.entries(CONTROLS)) {
    const value = parameters().get(name) ?? '';
    const known = choices.some(([choice]) => choice === value) ? [] : [[value, value]];
    const options = [...choices, ...known].map(([value, text]) => make('option', text, { value }));
    control(name).replaceChildren(...options);
    control(name).value = value;
  }
  control('cures').checked = !isBare();
}

/** @param {boolean} enabled */
export function enableControls(enabled) {
  for (const element of form().elements) /** @type {HTMLInputElement} */ (element).disabled = !enabled;
}

/** What the form says, in words. */
export const settingsText = () =>
  Object.keys(CONTROLS).map((name) => `${name} ${control(name).selectedOptions[0].textContent}`).join(', ');

function intoAddress() {
  const wanted = new Map(Object.keys(CONTROLS).map((name) => [name, control(name).value]));
  // What was given in more detail stays, unless the box says otherwise.
  if (control('cures').checked === isBare()) {
    for (const name of ['accel', 'cache']) wanted.set(name, isBare() ? '' : 'none');
  }
  const kept = partsOf(location.search).filter((part) => !wanted.has(nameOf(part)));
  const added = [...wanted].filter(([, value]) => value !== '');
  const query = [...kept, ...added.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)].join('&');
  history.replaceState(null, '', query ? `?${query}` : location.pathname);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/** Has changes take effect that still wait for further ones. True if there were some. */
export function settle() {
  if (settling === undefined) return false;
  clearTimeout(settling);
  settling = undefined;
  intoAddress();
  return true;
}

/** @param {() => void} changed called when the address has new values */
export function watchSettings(changed) {
  form().addEventListener('change', () => {
    clearTimeout(settling);
    settling = setTimeout(() => settle() && changed(), SETTLE_MS);
  });
  form().addEventListener('submit', (event) => event.preventDefault());
}
