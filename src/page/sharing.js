// Passing on what was seen: as text, as a page and as JSON, all of which the program writes.

import { nowUs, unixMs } from './clock.js';
import { diagnosis } from './diagnosis.js';
import { $, get, make, put } from './dom.js';
import { judged, report } from './judge.js';
import { link } from './query.js';
import { liveRecording } from './verdict.js';

// The diagnosis says more than the live stream.
const subject = () => diagnosis?.recording ?? liveRecording();

/**
 * Does something that needs the program, and says so if it doesn't answer.
 * @param {() => Promise<void>} act
 */
async function withProgram(act) {
  try {
    await act();
  } catch (error) {
    put('shared', `There is no report now: ${/** @type {Error} */ (error).message}.`);
  }
}

/**
 * Saves a file.
 * @param {string} kind its name, to which place and time are added
 * @param {string} type
 * @param {string} text
 */
function save(kind, type, text) {
  const place = location.hostname.replace(/[^\w.-]+/g, '-');
  const [name, end] = kind.split('.');
  const time = new Date(unixMs(nowUs())).toISOString().slice(0, 19).replace(/:/g, '');
  const file = `${name}-${place}-${time}Z.${end}`;
  const url = URL.createObjectURL(new Blob([text], { type }));
  make('a', '', { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  put('shared', `Saved as ${file}.`);
}

/** @param {unknown} value */
const asJson = (value) => `${JSON.stringify(value, null, 2)}\n`;

export const saveHtml = () => withProgram(async () => save('report.html', 'text/html', await report(subject(), 'text/html')));

export const saveLive = () =>
  withProgram(async () => save('probe.json', 'application/json', asJson(await judged(liveRecording()))));

/** Without what steers the page. */
export function saveDiagnosis() {
  const { next, progress, ...found } = diagnosis?.answer ?? {};
  save('diagnose.json', 'application/json', asJson(found));
}

export const copyReport = () =>
  withProgram(async () => pass(await report(subject(), 'text/plain'), 'The report is in the clipboard.'));

export const copyLink = () => pass(link(), 'The link is in the clipboard.');

/** What a phone has for passing on. A user who thinks better of it is no trouble. */
export const shareReport = () => withProgram(async () => {
  const text = `${await report(subject(), 'text/plain')}\n${link()}\n`;
  await navigator.share({ title: document.title, text }).catch(() => {});
});

export async function copyCommand() {
  const isDone = await copyText($('command').textContent ?? '');
  if (!isDone) getSelection()?.selectAllChildren($('command'));
  put('copy', isDone ? 'Copied' : 'Selected');
  setTimeout(() => put('copy', 'Copy'), 1500);
}

/**
 * Copies what is to be passed on. Where a page may not, it is shown, so that it can be copied by hand.
 * @param {string} text
 * @param {string} done what to say then
 */
async function pass(text, done) {
  const isDone = await copyText(text);
  put('shared', isDone ? done : 'This browser doesn’t let a page copy: copy the text by hand.');
  if (isDone) return;
  const area = get('report-text', HTMLTextAreaElement);
  area.value = text;
  get('by-hand', HTMLDialogElement).showModal();
  area.select();
}

/**
 * Copies a text. The clipboard proper is there for secure contexts only.
 * @param {string} text
 */
async function copyText(text) {
  if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return true;
  const area = make('textarea', text, { 'aria-hidden': 'true' });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isDone;
}
