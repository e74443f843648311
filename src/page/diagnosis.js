// The diagnosis, while it runs: what is being tried, how far it is, and what it comes to.

import { goOn, holdBack } from './connecting.js';
import { Case } from './case.js';
import { nowUs } from './clock.js';
import { $, get, make, put } from './dom.js';
import { keepStalls } from './presence.js';
import { METHODS, link } from './query.js';
import { badge, nameOf, showResult, wordOf } from './result.js';
import { enableControls, settle } from './settings.js';
import { sentence, span } from './text.js';

/** @typedef {import('./case.js').Look} Look */

/** Where connections are scarce it may take long: then what was seen must do. Time out of view is not counted. */
const MOST_MS = 120_000;
const TICK_MS = 1000;
/** It needs all stalls of its time. */
const STALLS_MOST = 4000;
const CANCELLED = 'cancelled';

/** @type {?AbortController} */
let running = null;

/**
 * The last diagnosis that came to a result: what was seen, and what the program says of it.
 * @type {?{recording: object, answer: any}}
 */
export let diagnosis = null;

export const isDiagnosing = () => running !== null;

/** Begins a diagnosis, or cancels the one that runs. @param {MouseEvent} [event] */
export async function diagnose(event) {
  if (running !== null) {
    // Who clicks twice wants one.
    if (event && event.detail > 1) return;
    put('progress-text', 'Cancelling …');
    return running.abort(CANCELLED);
  }
  settle();
  holdBack('stopped for the diagnosis');
  keepStalls(STALLS_MOST);
  running = new AbortController();
  showRunning(true);
  await carryOut(running.signal);
  running = null;
  showRunning(false);
  keepStalls();
  goOn();
}

/** @param {AbortSignal} signal */
async function carryOut(signal) {
  const begun = nowUs();
  let leftMs = MOST_MS;
  const ending = setInterval(() => {
    leftMs -= document.hidden ? 0 : TICK_MS;
    if (leftMs <= 0) running?.abort();
  }, TICK_MS);
  try {
    const run = new Case(signal, { progress: showProgress, looks: showLooks, running: showLook, done: countDone });
    const answer = await run.run();
    if (signal.reason === CANCELLED) return;
    diagnosis = { recording: run.recording(), answer };
    showResult(answer);
    const took = span(nowUs() - begun);
    put('progress-text', `Diagnosis done in ${took}: without any cure the path is ${answer.verdict}.`);
  } catch (error) {
    const why = /** @type {Error} */ (error).message;
    put('progress-text', `The diagnosis has no result: ${why}. On the command line: sse-argo-tester diagnose "${link()}"`);
  } finally {
    clearInterval(ending);
    if (signal.reason === CANCELLED) {
      put('progress-text', `Cancelled after ${span(nowUs() - begun)}, and nothing is concluded.`);
    }
  }
}

/** @param {boolean} isRunning */
function showRunning(isRunning) {
  put('diagnose', isRunning ? 'Cancel' : 'Run diagnosis');
  $('diagnosis').classList.add('used');
  get('reconnect', HTMLButtonElement).disabled = isRunning;
  enableControls(!isRunning);
  $('found').hidden = isRunning || diagnosis === null;
  for (const id of ['progress', 'going']) $(id).hidden = !isRunning;
  get('save-diagnosis', HTMLButtonElement).disabled = diagnosis === null;
  if (!isRunning) return;
  rows.clear();
  body().replaceChildren();
  get('progress', HTMLProgressElement).removeAttribute('value');
  put('progress-text', 'Asking for the stream in some twenty ways, for half a minute or so.');
}

/** @type {Map<string, HTMLTableCellElement>} */
const rows = new Map();
const body = () => get('going', HTMLTableElement).tBodies[0];

/** @param {Look[]} looks that are to be carried out */
function showLooks(looks) {
  const streams = looks.reduce((all, look) => all + look.streams.length, 0);
  const bar = get('progress', HTMLProgressElement);
  bar.max = bar.value + streams;
  for (const look of looks) cellOf(look)?.replaceChildren('waiting');
}

// What only steers has no row of its own.
/** @param {Look} look */
function cellOf(look) {
  if (look.role === 'control') return null;
  const found = rows.get(nameOf(look));
  if (found) return found;
  const cell = make('td', '', { class: 'muted' });
  const how = look.transport === 'eventsource' ? 'eventsource' : look.method === 'POST' ? 'post' : 'fetch';
  body().append(make('tr', [make('td', make('code', nameOf(look))), make('td', METHODS[how], { class: 'wide' }), cell]));
  rows.set(nameOf(look), cell);
  return cell;
}

/** @param {Look} look whose stream begins */
function showLook(look) {
  cellOf(look)?.replaceChildren('running');
}

function countDone() {
  get('progress', HTMLProgressElement).value++;
}

/** @param {any} progress */
function showProgress({ done, total, text, looks = [] } = { done: 0, total: 0, text: '' }) {
  const bar = get('progress', HTMLProgressElement);
  [bar.max, bar.value] = [Math.max(total, 1), done];
  if (text && running?.signal.aborted === false) put('progress-text', sentence(text));
  for (const look of looks) if (look.role !== 'control') rows.get(nameOf(look))?.replaceChildren(badge(wordOf(look.variant, look.verdict)));
}
