// The list of events and notes, newest first.

import { wall, wallAt, nowUs } from './clock.js';
import { $, get, make, put } from './dom.js';
import { lagOf } from './origin.js';
import { millis } from './text.js';

/**
 * @typedef {object} EventRow
 * @property {string} id
 * @property {string} kind
 * @property {?number} sentUs on the origin's clock
 * @property {number} at when it came, on the page's clock
 * @property {boolean} isReplayed
 *
 * @typedef {object} NoteRow
 * @property {string} note
 * @property {number} at
 * @property {boolean} isTrouble
 *
 * @typedef {EventRow | NoteRow} Row
 */

const ROWS_MAX = 200;
/** So many rows are new at once at most; of more the list is drawn once a second. */
const FRESH_MAX = 5;
const COLUMNS = ['Id', 'Kind', 'Sent', 'Received', 'Lag'];

const list = { rows: /** @type {Row[]} */ ([]), made: 0, drawn: 0, drawnUs: 0, isPaused: false };

const body = () => get('rows', HTMLTableSectionElement);

/** @param {Row} row */
function add(row) {
  list.made++;
  list.rows.push(row);
  if (list.rows.length > ROWS_MAX) list.rows.shift();
}

/** @param {EventRow} row */
export const addEvent = (row) => add(row);

/**
 * @param {number} at
 * @param {string} note
 */
export const addNote = (at, note, isTrouble = false) => add({ note, at, isTrouble });

/** The events that the list has now, the oldest first. */
export const listedEvents = () => list.rows.flatMap((row) => ('note' in row ? [] : [row]));

/** @param {Row} row */
function elementOf(row) {
  const element = make('tr', '', { role: 'row' });
  if ('note' in row) {
    element.className = row.isTrouble ? 'note trouble' : 'note';
    const note = [make('time', wall(row.at)), ' ', row.note];
    element.append(make('td', note, { role: 'cell', colspan: COLUMNS.length }));
  } else {
    for (let n = 0; n < COLUMNS.length; n++) element.append(make('td', '', { role: 'cell' }));
    fill(element, row);
  }
  return element;
}

/**
 * @param {HTMLTableRowElement} element
 * @param {EventRow} row
 */
function fill(element, { id, kind, sentUs, at }) {
  const sent = sentUs === null ? '–' : wallAt(sentUs / 1000);
  const texts = [id, kind, sent, wall(at), millis(lagOf(sentUs, at))];
  for (let n = 0; n < COLUMNS.length; n++) /** @type {Text} */ (element.cells[n].firstChild).data = texts[n];
}

/**
 * @param {HTMLTableRowElement} element
 * @param {Row} row
 */
function overwrite(element, row) {
  if ('note' in row || element.cells.length < COLUMNS.length) element.replaceWith(elementOf(row));
  else fill(element, row);
}

export function drawHead() {
  const cells = COLUMNS.map((name) => make('th', name, { role: 'columnheader', scope: 'col' }));
  get('events', HTMLTableElement).tHead?.rows[0].append(...cells);
}

export function drawList() {
  const [at, fresh, { rows }] = [nowUs(), list.made - list.drawn, body()];
  // Nobody reads rows that come faster than that, and each time the browser lays out all of them.
  const isDue = fresh <= FRESH_MAX || at - list.drawnUs >= 1e6;
  if (!list.isPaused && fresh > 0 && isDue) {
    const newest = [...list.rows].reverse();
    // New rows cost far more than new texts, but let those stay in place that somebody reads.
    if (rows.length === ROWS_MAX && fresh > ROWS_MAX / 4) {
      for (const [n, element] of [...rows].entries()) overwrite(element, newest[n]);
    } else {
      body().prepend(...newest.slice(0, fresh).map(elementOf));
      while (rows.length > ROWS_MAX) body().lastChild?.remove();
    }
    Object.assign(list, { drawn: list.made, drawnUs: at });
  }
  const since = list.isPaused ? `; ${list.made - list.drawn} came since the pause` : '';
  put('shown', `The newest ${rows.length} of ${list.made} rows${since}.`);
}

/** Has all rows made anew: what they show has changed. */
export function redrawList() {
  Object.assign(list, { drawn: list.made - list.rows.length, drawnUs: 0 });
  $('rows').replaceChildren();
}

export function clearList() {
  Object.assign(list, { rows: [], made: 0, drawn: 0, drawnUs: 0 });
  $('rows').replaceChildren();
}

export function togglePause() {
  list.isPaused = !list.isPaused;
  put('pause', list.isPaused ? 'Resume' : 'Pause');
}
