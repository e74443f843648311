// The verdict on the live stream, which the program gives: when it is asked for, and how it shows.

import { nowUs } from './clock.js';
import { $, put } from './dom.js';
import { tally } from './figures.js';
import { NoAnswer, judged } from './judge.js';
import { live } from './live.js';
import { link } from './query.js';
import { recordingOf } from './recording.js';
import { sentence } from './text.js';

/**
 * @typedef {object} Finding
 * @property {string} id
 * @property {'info'|'warn'|'fail'} severity
 * @property {string} text
 * @property {string} advice
 *
 * @typedef {object} Verdict what the program answers, as `probe --json` does
 * @property {string} verdict
 * @property {string} summary
 * @property {object} hold
 * @property {Finding[]} findings
 */

/** The program is asked this often at most. */
const EVERY_US = 2e6;
/** The first time after this. */
const FIRST_US = 1e6;
/** While nothing changes, or there is no answer, it is asked ever less often. */
const IDLE_MOST_US = 15e6;
const RETRY_MOST_US = 60e6;

const MORE = 'that is one stream of small events; the diagnosis tries large ones and other requests as well';
const DIAGNOSE = 'run the diagnosis to find out what helps';
/** @type {Record<string, string>} */
const TONES = { 'real-time': 'good', 'not cut': 'good', inconclusive: 'warn', measuring: '', waiting: '', stopped: '' };

/** @param {string} verdict */
export const toneOf = (verdict) => TONES[verdict] ?? 'bad';

/** Of which address this is the verdict. @type {?import('./live.js').Live} */
let subject = null;
/** @type {?Verdict} */
let verdict = null;
/** @type {?NoAnswer} why there is no newer one */
let trouble = null;
let isAsking = false;
let [askedUs, changedUs, seen, failures] = [0, 0, 0, 0];

/** What the program is to judge of the live stream. */
export function liveRecording() {
  const { url, how, phase, sinceUs, failures, lastUs, recordings, recording } = live;
  recording.trim(nowUs());
  // Of an answer that is not a stream, what came before it says more.
  const told = recordings.findLast((one) => one.hasEvents) ?? recording;
  return {
    ...recordingOf('probe', url, how === 'post' ? 'POST' : 'GET'),
    streams: recordings.map((one) => (one === told || one === recording ? one.json() : one.brief())),
    live: {
      phase, since_us: sinceUs, failures, received: tally.received, last_us: lastUs, is_continued: recording.isContinued,
      previous: verdict && subject === live && !isMeasuring()
        ? { verdict: verdict.verdict, hold: verdict.hold, summary: verdict.summary }
        : null,
    },
  };
}

/** Asks for the verdict, if it is time. */
export function judgeLive(at = nowUs()) {
  if (subject !== live) {
    [subject, verdict, trouble, failures] = [live, null, null, 0];
    [askedUs, changedUs, seen] = [at - EVERY_US + FIRST_US, at, -1];
  }
  // Whatever a browser does to hidden tabs, it isn't the path's doing.
  if (isAsking || document.hidden || live.phase === 'stopped' || at < askedUs + pauseUs(at)) return;
  ask(live, at);
}

/** @param {number} at */
function pauseUs(at) {
  if (failures > 0) return Math.min(EVERY_US * 2 ** failures, RETRY_MOST_US);
  if (live.changes !== seen) return EVERY_US;
  // Time that passes changes the verdict, too, ever more slowly.
  return Math.max(EVERY_US, Math.min((at - changedUs) / 4, IDLE_MOST_US));
}

/**
 * @param {import('./live.js').Live} here
 * @param {number} at
 */
async function ask(here, at) {
  if (live.changes !== seen) changedUs = at;
  [isAsking, askedUs, seen] = [true, at, here.changes];
  try {
    const answer = await judged(liveRecording());
    if (here === live) [verdict, trouble, failures] = [answer, null, 0];
  } catch (error) {
    if (here === live) [trouble, failures] = [error instanceof NoAnswer ? error : new NoAnswer(String(error), null), failures + 1];
  } finally {
    isAsking = false;
  }
}

/** The program is asked at once, such as after the network is back. */
export function judgeSoon() {
  failures = 0;
}

// Too few events have come.
const isMeasuring = () =>
  verdict === null || (verdict.verdict === 'inconclusive' && verdict.findings.some(({ id }) => id === 'too-short'));

// Without an answer the last one stands for a moment, as long as the stream goes on.
const isWaiting = () => trouble !== null && (failures > 1 || live.phase !== 'receiving' || isMeasuring());

function word() {
  if (subject !== live) return 'measuring';
  // The server answers neither the stream nor this.
  if (trouble?.status === null && live.failures > 0) return 'unreachable';
  if (isWaiting()) return 'waiting';
  if (isMeasuring()) return live.phase === 'stopped' ? 'stopped' : 'measuring';
  return verdict?.verdict ?? '';
}

export function drawVerdict() {
  const shown = word();
  put('verdict', shown);
  $('verdict').dataset.tone = toneOf(shown);
  const waits = subject === live && isWaiting();
  const reason = waits ? `the verdict waits: ${trouble?.message}` : verdict?.summary ?? 'a verdict takes a few events';
  put('reason', sentence(reason));
  put('advice', waits ? waitingAdvice() : advice(shown).map(sentence).filter(Boolean).join(' '));
}

const waitingAdvice = () =>
  `The program judges what this page sees, and is asked again and again. On the command line: sse-argo-tester probe "${link()}"`;

/** @param {string} shown */
function advice(shown) {
  const telling = verdict?.findings.find(({ severity, advice }) => severity !== 'info' && advice);
  const said = [telling && telling.text !== verdict?.summary ? telling.text : '', telling?.advice ?? ''];
  // Of another origin the diagnosis knows no more.
  if (!tally.isNumbered) return said;
  if (shown === 'real-time' && !telling) said.push(MORE);
  if (toneOf(shown) === 'bad' && !['not-sse', 'unreachable', 'corrupt'].includes(shown)) said.push(DIAGNOSE);
  return said;
}
