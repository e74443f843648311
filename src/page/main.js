// The page begins: what is clicked, seen and heard goes to the parts that care.

import './core.js';
import { askForFrame, beginChart } from './chart.js';
import { nowUs } from './clock.js';
import { drawConnection, waitingUs } from './connection.js';
import { diagnosis, runDiagnosis, running } from './diagnosis.js';
import { $, get } from './dom.js';
import { drawFigures } from './figures.js';
import { htmlReport } from './html.js';
import { diagnosisJson, liveJson } from './json.js';
import { addNote, clearList, drawHead, drawList, togglePause } from './list.js';
import { endLump, recordAnew, replay, retryNow, start, stop, watchDevice, whenChanged } from './live.js';
import { compareClocks, keepComparing } from './origin.js';
import { inView, presence, seeVisibility, watchStalls } from './presence.js';
import { products } from './products.js';
import { link } from './query.js';
import { plainReport } from './report.js';
import { enableControls, fillControls, watchSettings } from './settings.js';
import { copyCommand, pass, save, saveJson, shareReport } from './sharing.js';
import { span } from './text.js';
import { drawVerdict, judgeLive } from './verdict.js';

/** Drawing takes the thread that stamps events, so fast ones are drawn together. */
const DRAW_EVERY_MS = 250;
/** Hidden for longer than this, a record has little left that can be judged. */
const GLANCE_US = 5e6;

function draw() {
  const at = nowUs();
  endLump(at);
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
}

function visibilityChanged() {
  const hiddenUs = seeVisibility();
  if (hiddenUs !== null) {
    const at = nowUs();
    addNote(at, `the tab was hidden for ${span(hiddenUs)}; browsers slow that down, so it isn't judged`);
    if (hiddenUs > GLANCE_US) recordAnew(at);
  }
  draw();
}

function online() {
  presence.awayUs = nowUs();
  addNote(presence.awayUs, 'this device is online again');
  // Where a browser's EventSource doesn't try again by itself.
  retryNow();
}

// A link can ask for the diagnosis. In a tab that nobody has looked at yet events would seem late.
async function diagnoseIfAsked() {
  if (location.hash !== '#diagnose') return;
  await compareClocks(replay);
  await inView();
  if (running === null) runDiagnosis();
}

/** @type {Record<string, (event: MouseEvent) => unknown>} */
const actions = {
  reconnect: start,
  stop: () => stop(),
  pause: () => {
    togglePause();
    draw();
  },
  clear,
  copy: copyCommand,
  diagnose: runDiagnosis,
  'copy-report': () => pass(plainReport(), 'The report is in the clipboard.'),
  share: shareReport,
  'copy-link': () => pass(link(), 'The link is in the clipboard.'),
  close: () => get('by-hand', HTMLDialogElement).close(),
  'save-html': () => save('report.html', 'text/html', htmlReport()),
  'save-live': () => saveJson('probe.json', liveJson()),
  'save-diagnosis': () => saveJson('diagnose.json', diagnosisJson(/** @type {any} */ (diagnosis))),
};

function listen() {
  for (const [id, act] of Object.entries(actions)) $(id).addEventListener('click', act);
  watchSettings(start);
  whenChanged(draw);
  document.addEventListener('visibilitychange', visibilityChanged);
  // A page out of the back-forward cache has lost its stream.
  addEventListener('pageshow', (event) => event.persisted && start());
  addEventListener('hashchange', diagnoseIfAsked);
  addEventListener('offline', () => {
    addNote(nowUs(), 'this device is offline', true);
    draw();
  });
  addEventListener('online', online);
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
products();
diagnoseIfAsked();
setInterval(draw, DRAW_EVERY_MS);
// A diagnosis has a clock of its own, and needs the connections.
keepComparing(async () => (running === null ? compareClocks(replay) : undefined));
beginChart(waitingUs);
askForFrame();
