// Elements of the page.

/**
 * The element that has an id, of a given kind.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function get(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(`the page has no ${kind.name} ${id}`);
  return element;
}

/** @param {string} id */
export const $ = (id) => get(id, HTMLElement);

/**
 * Sets an element's text, unless it has that text already.
 * @param {string} id
 * @param {string} text
 */
export function put(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string | Node | (string | Node)[]} content
 * @param {Record<string, string | number>} [attributes]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  element.append(...[content].flat());
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
