// @ts-nocheck
// Passing on what was seen.

import { nowUs } from './clock.js';
import { $, get, make, put } from './dom.js';
import { asJson } from './json.js';
import { isoOf, plainReport } from './report.js';

export function save(kind, type, text) {
  const place = location.hostname.replace(/[^\w.-]+/g, '-');
  const [name, end] = kind.split('.');
  const file = `${name}-${place}-${isoOf(nowUs()).replace(/:/g, '')}.${end}`;
  const url = URL.createObjectURL(new Blob([text], { type }));
  make('a', '', { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  put('shared', `Saved as ${file}.`);
}

export const saveJson = (kind, value) => save(kind, 'application/json', `${asJson(value)}\n`);

/** Copies a text. The clipboard proper is there for secure contexts only. */
async function copyText(text) {
  if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return true;
  const area = make('textarea', text, { 'aria-hidden': 'true' });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return isDone;
}

export async function copyCommand() {
  const isDone = await copyText($('command').textContent);
  if (!isDone) getSelection().selectAllChildren($('command'));
  put('copy', isDone ? 'Copied' : 'Selected');
  setTimeout(() => put('copy', 'Copy'), 1500);
}

// Copies what is to be passed on. Where a page may not, it is shown, so that it can be copied by hand.
export async function pass(text, told) {
  const isDone = await copyText(text);
  put('shared', isDone ? told : 'This browser doesn’t let a page copy: copy the text by hand.');
  if (isDone) return;
  $('report-text').value = text;
  $('by-hand').showModal();
  $('report-text').select();
}

// What a phone has for passing on. A user who thinks better of it is no trouble.
export const shareReport = () => navigator.share({ title: document.title, text: plainReport() }).catch(() => {});

