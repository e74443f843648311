// The page begins: what is clicked, seen and heard goes to the parts that care.

import { seeClock, watchDevice } from './arrivals.js';
import { beginChart } from './chart.js';
import { nowUs } from './clock.js';
import { retryNow, start, stop } from './connecting.js';
import { drawConnection, overdueUs } from './connection.js';
import { diagnose, isDiagnosing } from './diagnosis.js';
import { $, get } from './dom.js';
import { drawFigures } from './figures.js';
import { addNote, clearList, drawHead, drawList, togglePause } from './list.js';
import { live, whenChanged } from './live.js';
import { compareClocks, keepComparing } from './origin.js';
import { inView, seeNetwork, seeVisibility, watchStalls } from './presence.js';
import { enableControls, fillControls, watchSettings } from './settings.js';
import { copyCommand, copyLink, copyReport, saveDiagnosis, saveHtml, saveLive, shareReport } from './sharing.js';
import { span } from './text.js';
import { drawVerdict, judgeLive, judgeSoon } from './verdict.js';

/** Drawing takes the thread that stamps events, so fast ones are drawn together. */
const DRAW_EVERY_MS = 250;
/** Hidden for longer than this, a record has little left that can be judged. */
const GLANCE_US = 5e6;

function draw() {
  const at = nowUs();
  live.lumps.end(at);
  watchDevice();
  judgeLive(at);
  drawConnection(at);
  drawVerdict();
  drawFigures();
  drawList();
}

function clear() {
  clearList();
  start();
  draw();
}

function pause() {
  togglePause();
  draw();
}

function visibilityChanged() {
  const hiddenUs = seeVisibility();
  if (hiddenUs !== null) {
    addNote(nowUs(), `the tab was hidden for ${span(hiddenUs)}; browsers slow that down, so it isn't judged`);
    if (hiddenUs > GLANCE_US) live.recording.forgetBefore(nowUs());
  }
  draw();
}

function networkChanged() {
  seeNetwork();
  if (navigator.onLine) addNote(nowUs(), 'this device is online again');
  else addNote(nowUs(), 'this device is offline', true);
  // Where a browser's EventSource doesn't try again by itself.
  if (navigator.onLine) retryNow();
  judgeSoon();
  draw();
}

// A link can ask for the diagnosis. In a tab that nobody has looked at yet events would seem late.
async function diagnoseIfAsked() {
  if (location.hash !== '#diagnose') return;
  await compareClocks(seeClock);
  await inView();
  if (!isDiagnosing()) diagnose();
}

/** @type {Record<string, (event: MouseEvent) => unknown>} */
const actions = {
  reconnect: start, stop: () => stop(), pause, clear, copy: copyCommand, diagnose, share: shareReport,
  'copy-report': copyReport, 'copy-link': copyLink, 'save-html': saveHtml, 'save-live': saveLive,
  'save-diagnosis': saveDiagnosis, close: () => get('by-hand', HTMLDialogElement).close(),
};

function listen() {
  for (const [id, act] of Object.entries(actions)) $(id).addEventListener('click', act);
  watchSettings(start);
  whenChanged(draw);
  document.addEventListener('visibilitychange', visibilityChanged);
  // A page out of the back-forward cache has lost its stream.
  addEventListener('pageshow', (event) => event.persisted && start());
  addEventListener('hashchange', diagnoseIfAsked);
  addEventListener('offline', networkChanged);
  addEventListener('online', networkChanged);
}

// From the first moment on, in which there is most to do.
watchStalls();
$('not-started').remove();
drawHead();
listen();
$('share').hidden = navigator.share === undefined;
fillControls();
// Some browsers keep over a reload what was disabled before it.
enableControls(true);
for (const id of ['reconnect', 'diagnose']) get(id, HTMLButtonElement).disabled = false;
get('save-diagnosis', HTMLButtonElement).disabled = true;
start();
diagnoseIfAsked();
setInterval(draw, DRAW_EVERY_MS);
// A diagnosis has a clock of its own, and needs the connections.
keepComparing(async () => (isDiagnosing() ? undefined : compareClocks(seeClock)));
beginChart(overdueUs);
