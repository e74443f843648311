// @ts-nocheck
// The verdict on the live stream.

import './core.js';
import { nowUs } from './clock.js';
import { $, put } from './dom.js';
import { tally } from './figures.js';
import { live, renewRecord } from './live.js';
import { origin } from './origin.js';
import { lastLongStallUs, presence, stallsSoFar } from './presence.js';
import { clockKnown } from './products.js';
import { durationUs, parameters } from './query.js';
import { unreachable } from './streams.js';
import { counted, sentence } from './text.js';

const { Clock, Verdict } = Core;

const FEW = 5;
const PATIENCE_US = 3_000_000;
const TONES = { 'real-time': 'good', 'not cut': 'good', inconclusive: 'warn', measuring: '', stopped: '' };
export const toneOf = (verdict) => TONES[verdict] ?? 'bad';

export function liveSummaries() {
  const { recorder } = live;
  // Before anything came, whose it is is known only by the clock.
  if (recorder.firstEventUs === null && !live.isContinued) {
    recorder.origin = origin.offset === null && origin.hasFailed ? 'foreign' : 'ours';
  }
  if (['opening', 'open', 'receiving'].includes(live.phase)) recorder.end('ours', nowUs());
  const sure = origin.isInDoubt ? null : clockKnown();
  const known = sure ?? (recorder.leastTransitUs === null ? null : Clock.fromLeastTransit(recorder.leastTransitUs));
  const late = stallsSoFar();
  return [[recorder.summary(known, late)], known];
}

export function judgeLive(at) {
  // Whatever a browser does to hidden pages, it isn't the path's doing.
  if (presence.hiddenSinceUs !== null) return;
  const isSettled = at - live.begunUs > 2e7;
  if (at - live.judgedUs < (isSettled ? 3e6 : 1e6)) return;
  live.judgedUs = at;
  if (live.finding !== null) {
    const kind = live.finding.id === 'no-answer' ? 'unreachable' : 'not-sse';
    live.verdict = Core.judge({ answer: { kind, finding: live.finding }, streams: [], clock: clockKnown() });
    return;
  }
  if (live.phase === 'reconnecting') return judgeReconnect(at);
  if (['stopped', 'waiting'].includes(live.phase)) return;
  // A stream that was cut may be cut again, until it has lived for longer.
  if (live.cutUs !== null && at - live.requestedUs < Math.min(1.5 * live.cutUs + 1e6, CUT_MOST_US)) return;
  renewRecord(at);
  const { received, spec } = live.recorder;
  if (live.isContinued && received < FEW) {
    if (isFine(live.verdict)) live.verdict = hanging(spec, at) ?? live.verdict;
    return;
  }
  const [[stream], known] = liveSummaries();
  const waitedUs = at - Math.max(live.sinceUs, presence.awayUs ?? 0);
  const isSilent = received === 0 && waitedUs > overdueUs(spec) + askedLateUs();
  const isOver = live.phase === 'ended';
  const verdict = received >= FEW || isSilent || isOver ? liveVerdict(stream, known, at) : null;
  live.verdict = live.begun !== null && verdict?.verdict === 'real-time' ? live.begun : verdict;
}

// Nothing is known that explains why nothing comes for a while.
const isFine = (verdict) => ['real-time', 'late-start', 'inconclusive'].includes(verdict?.verdict ?? 'inconclusive');

// So long at most a cut is what is said of a stream that goes on.
const CUT_MOST_US = 120e6;
// What browsers wait before they ask again, unless the stream says otherwise.
const RETRY_BY_BROWSER = '3s';

function judgeReconnect(at) {
  const waitedUs = at - live.sinceUs;
  const retryUs = durationUs(parameters().get('retry') ?? RETRY_BY_BROWSER);
  const patienceUs = overdueUs(live.recorder.spec) + askedLateUs() + retryUs;
  if (live.failures > 0) {
    const finding = unreachable(new Error('attempts to connect again fail'));
    live.verdict = Core.judge({ answer: { kind: 'unreachable', finding }, streams: [], clock: clockKnown() });
  } else if (waitedUs > patienceUs && live.recorder.origin === 'ours') {
    const advice = 'something takes the request and doesn’t answer, or other tabs use up the connections';
    const summary = `the stream was asked for again, and in ${Core.time(waitedUs)} nothing came`;
    const finding = Core.finding('silent', 'not even a response head came', advice);
    live.verdict = Verdict.unknown('silent', summary, [finding]);
  }
}

// So long without an event is too long.
export const overdueUs = ({ intervalUs }) => 5 * intervalUs + PATIENCE_US;

// How late the stream was asked to begin.
const askedLateUs = () =>
  ['head_delay', 'delay'].filter((name) => parameters().has(name))
    .reduce((us, name) => us + durationUs(parameters().get(name)), 0);

// The verdict on a stream that has no end yet: what one pace can't tell, and what is still to come, isn't said.
function liveVerdict(stream, known, at) {
  const verdict = Core.judge({ answer: { kind: 'stream' }, streams: [stream], clock: known });
  if (stream.origin === 'foreign') return verdict;
  const heldUs = () => Math.max(...stream.samples.map(({ lagUs }) => lagUs));
  const isShort = () => sentSince(stream.lumps[0].atUs, stream) < FEW;
  if (verdict.verdict === 'late-start' && live.isContinued) {
    // It had begun before.
    if (isShort()) return live.verdict;
    const summary = `events were held for up to ${Core.time(heldUs())} for a while`;
    const text = 'what came afterwards came in real time';
    return Verdict.unknown('inconclusive', summary, [Core.finding('unsteady', text)]);
  }
  if (verdict.verdict === 'silent') {
    const text = `the origin sends one every ${Core.time(stream.spec.intervalUs)}`;
    const advice = live.phase === 'opening'
      ? 'not even a response head has come: something on the path holds it, or other tabs use up the connections'
      : 'something on the path holds them, until there are more of them or until the response ends, or loses them';
    return Verdict.unknown('silent', `${verdict.summary} so far`, [Core.finding('silent', text, advice)]);
  }
  if (verdict.verdict === 'late-start' && isShort()) {
    const summary = `the first events were held for up to ${Core.time(heldUs())}, and then came at once`;
    const text = 'too few have come since to tell whether that goes on';
    return Verdict.unknown('inconclusive', summary, [Core.finding('too-short', text)]);
  }
  const hung = isFine(verdict) ? hanging(stream.spec, at) : null;
  if (hung !== null) return hung;
  const either = verdict.findings.find(({ id }) => id === 'time-or-bytes');
  if (!either) return verdict;
  const summary = verdict.verdict === 'batched'
    ? 'events arrive in lumps throughout' : 'nothing arrives at first; what comes afterwards arrives in real time';
  return new Verdict(verdict.verdict, verdict.hold, summary,
    [Core.finding(verdict.verdict === 'batched' ? 'batched-bytes' : 'start-bytes', either.text, either.advice)]);
}

// A stream that has stopped, if it has.
function hanging(spec, at) {
  // A page that was late itself has not waited.
    const waitedUs = at - Math.max(live.lastUs, lastLongStallUs());
  const isGoingOn = live.phase === 'receiving' && !parameters().has('silent_after');
  if (!isGoingOn || live.recorder.origin === 'foreign' || waitedUs <= overdueUs(spec)) return null;
  const summary = `events have stopped after ${counted(tally.received, 'event')}, and the connection stays open`;
  const interval = Core.time(spec.intervalUs);
  const text = `nothing came in ${Core.time(waitedUs)}, though the origin sends an event every ${interval}`;
  return new Verdict('cut', Core.holdOf('none'), summary, [Core.finding('hanging', text, HUNG)]);
}

const HUNG = 'something on the path holds them, or the connection is dead and nobody has said so';
const sentSince = (us, { samples }) => samples.filter(({ sentUs }) => sentUs > us).length;

const MORE = 'that is one stream of small events; the diagnosis tries large ones and other requests, too';

export function drawVerdict() {
  const { verdict } = live;
  const word = verdict?.verdict ?? (live.phase === 'stopped' ? 'stopped' : 'measuring');
  put('verdict', word);
  $('verdict').dataset.tone = toneOf(word);
  put('reason', sentence(verdict?.summary ?? 'a verdict takes a few events'));
  const telling = verdict?.findings.find(({ severity, advice }) => severity !== 'info' && advice);
  const isHeld = ['late-start', 'batched', 'lagging', 'held-until-close', 'silent', 'cut'].includes(word);
  const said = [telling && telling.text !== verdict.summary ? telling.text : '', telling?.advice ?? ''];
  // Of another origin the diagnosis knows no more.
  if (live.recorder.origin === 'ours') {
    if (word === 'real-time' && !telling) said.push(MORE);
    if (isHeld) said.push('run the diagnosis to find out what helps');
  }
  put('advice', said.map(sentence).filter(Boolean).join(' '));
}
