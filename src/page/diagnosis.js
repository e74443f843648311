// @ts-nocheck
// The diagnosis, while it runs.

import { showDiagnosis } from './advice.js';
import { Case } from './case.js';
import { nowUs } from './clock.js';
import { $, put } from './dom.js';
import { goOn, holdBack } from './live.js';
import { keepStalls, presence } from './presence.js';
import { enableControls, settle } from './settings.js';
import { span } from './text.js';

const DIAGNOSIS_MOST_MS = 120_000;
const LOOK_MS = 1000;
// A diagnosis judges late, and by few events each: it needs all stalls that there were meanwhile.
const STALLS_MOST = 4000;

export let diagnosis = null;
export let running = null;

const CANCELLED = 'cancelled';

export async function runDiagnosis(event) {
  if (running !== null) {
    // Who clicks twice wants one.
    if (event?.detail > 1) return;
    put('progress-text', 'Cancelling …');
    running.abort(CANCELLED);
    return;
  }
  settle();
  holdBack('stopped for the diagnosis');
  keepStalls(STALLS_MOST);
  running = new AbortController();
  const begun = nowUs();
  put('diagnose', 'Cancel');
  $('diagnosis').classList.add('used');
  $('reconnect').disabled = true;
  enableControls(false);
  $('found').hidden = true;
  for (const id of ['progress', 'going']) $(id).hidden = false;
  $('progress').removeAttribute('value');
  put('progress-text', 'Asking for the stream in some twenty ways, for half a minute or so.');
  // Time that it is not in view is not its own.
  let leftMs = DIAGNOSIS_MOST_MS;
  const ending = setInterval(() => {
    leftMs -= document.hidden ? 0 : LOOK_MS;
    if (leftMs <= 0) running?.abort();
  }, LOOK_MS);
  const hiddenBefore = presence.hiddenUs;
  const { signal } = running;
  try {
    const found = await new Case(signal).run();
    if (presence.hiddenUs > hiddenBefore || document.hidden) {
      found.notes.push('the tab was hidden for a while: what ran meanwhile was looked at again, or isn’t judged');
    }
    const took = span(nowUs() - begun);
    if (signal.reason === CANCELLED) put('progress-text', `Cancelled after ${took}, and nothing is concluded.`);
    else {
      diagnosis = found;
      showDiagnosis(found);
      const { verdict } = found.looks[0].verdict;
      put('progress-text', `Diagnosis done in ${took}: without any cure the path is ${verdict}.`);
    }
  } catch (error) {
    put('progress-text', `The diagnosis failed: ${error.message}.`);
  }
  $('found').hidden = diagnosis === null;
  clearInterval(ending);
  running = null;
  put('diagnose', 'Run diagnosis');
  for (const id of ['progress', 'going']) $(id).hidden = true;
  $('reconnect').disabled = false;
  enableControls(true);
  keepStalls();
  goOn();
}

