// The chart of lags over time, and that of arrivals below it.

import { nowUs } from './clock.js';
import { $, get } from './dom.js';
import { SLOTS, SLOT_US, placeOf, series, slotsFrom } from './series.js';
import { nice, span } from './text.js';

/** Room for the labels at the left, in pixels. */
const LEFT = 52;
/** Up to here an event is drawn as one in real time. */
const REAL_TIME_US = 100_000;
const TOP_LEAST_US = 150_000;

/** @type {Record<string, string>} */
const colours = {};
let font = '';
let topUs = 200_000;

/** How long an event has been overdue. @type {(at: number) => number} */
let waitingUs = () => 0;

export function findColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['good', 'bad', 'warn', 'muted', 'line', 'accent']) {
    colours[name] = style.getPropertyValue(`--${name}`);
  }
  font = `12px ${getComputedStyle(document.body).fontFamily}`;
}

/**
 * An empty canvas of the size that it has on the screen.
 * @param {string} id
 * @returns {[CanvasRenderingContext2D, number, number]}
 */
function prepare(id) {
  const canvas = get(id, HTMLCanvasElement);
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = font;
  return [pen, width, height];
}

const lengthUs = () => Number(get('span', HTMLSelectElement).value) * 1e6;

/** @param {number} at */
function draw(at) {
  placeOf(at);
  const [pen, width, height] = prepare('chart');
  const [spark, , sparkHeight] = prepare('arrivals');
  const [top, bottom] = [14, height - 18];
  const pixelUs = lengthUs() / Math.max(width - LEFT, 1);
  // By whole pixels, so that what is drawn keeps its shape as it moves.
  const edgeUs = at - (at % pixelUs);
  // Slots that are narrower than a pixel share a column: always the same ones, lest it flicker.
  const together = Math.ceil(pixelUs / SLOT_US);
  const first = Math.max(series.last - Math.ceil(lengthUs() / SLOT_US), series.last - SLOTS + 1 + together, 0);
  const start = first - (first % together);
  const waitUs = waitingUs(at);
  const peak = scaleTo(start, waitUs);
  /** @param {number} us */
  const x = (us) => width - (edgeUs - us) / pixelUs;
  /** @param {number} us */
  const y = (us) => bottom - (Math.max(0, Math.min(us, topUs)) / topUs) * (bottom - top);
  drawAxes(pen, width, height, y);
  const wide = Math.max((together * SLOT_US) / pixelUs, 1.5);
  spark.fillStyle = colours.accent;
  for (let slot = start; slot <= series.last; slot += together) {
    const found = slotsFrom(slot, together);
    if (found === null) continue;
    // The newest is seen at once, though its time isn't over.
    const left = Math.max(Math.min(x((slot + together) * SLOT_US), width) - wide, LEFT);
    if (found.isLoss) {
      pen.fillStyle = colours.bad;
      pen.fillRect(left, top, 1, bottom - top);
    }
    if (found.count === 0) continue;
    pen.fillStyle = found.most > REAL_TIME_US ? colours.bad : colours.good;
    const high = y(found.most);
    pen.fillRect(left, high - 1.5, wide, Math.max(y(found.least) - high, 0) + 3);
    const tall = Math.max((found.count / peak) * (sparkHeight - 4), 1);
    spark.fillRect(left, sparkHeight - tall, Math.max(wide - 0.5, 1), tall);
  }
  spark.fillStyle = colours.muted;
  spark.fillText(`${peak} in ¼ s`, 0, 12, LEFT - 4);
  if (waitUs > 0) drawWait(pen, waitUs, Math.max(Math.min(x(at - waitUs), width), LEFT), [width, y(waitUs), bottom]);
}

/**
 * Fits the height to the largest value since a slot. The largest number of events in a slot.
 * @param {number} start
 * @param {number} waitUs
 */
function scaleTo(start, waitUs) {
  let [most, peak] = [0, 1];
  for (let slot = start; slot <= series.last; slot++) {
    const n = slot % SLOTS;
    if (series.count[n] > 0) [most, peak] = [Math.max(most, series.most[n]), Math.max(peak, series.count[n])];
  }
  // It grows at once, and shrinks when there is far too much room.
  const wanted = nice(Math.max(most, waitUs, TOP_LEAST_US));
  if (wanted > topUs || wanted * 4 < topUs) topUs = wanted;
  return peak;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} width
 * @param {number} height
 * @param {(us: number) => number} y
 */
function drawAxes(pen, width, height, y) {
  pen.fillStyle = colours.muted;
  for (const share of [0, 0.5, 1]) {
    const us = topUs * share;
    pen.fillText(us >= 1e6 ? `${us / 1e6} s` : `${us / 1000} ms`, 0, y(us) + 4);
    pen.fillRect(LEFT, y(us), width - LEFT, 0.5);
  }
  pen.fillText(`${lengthUs() / 6e7} min ago`, LEFT, height - 3);
  pen.textAlign = 'right';
  pen.fillText('now', width, height - 3);
  pen.fillStyle = colours.warn;
  pen.fillText('real time is below 100 ms', width, Math.max(y(REAL_TIME_US) - 4, 11));
  pen.fillRect(LEFT, y(REAL_TIME_US), width - LEFT, 1);
  pen.textAlign = 'left';
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} waitUs
 * @param {number} left
 * @param {[number, number, number]} edges right, top, bottom
 */
function drawWait(pen, waitUs, left, [right, top, bottom]) {
  pen.globalAlpha = 0.18;
  pen.fillStyle = colours.warn;
  pen.fillRect(left, top, right - left, bottom - top);
  pen.globalAlpha = 1;
  pen.textAlign = 'right';
  pen.fillText(`nothing for ${span(waitUs)}`, right, Math.max(top - 4, 26));
  pen.textAlign = 'left';
}

const isStill = matchMedia('(prefers-reduced-motion: reduce)');
let [isAsked, isOnScreen] = [false, true];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let moving;

/** Something new came, which shows at once unless motion is to be reduced. */
export function chartChanged() {
  if (!isStill.matches) askForFrame();
}

/** Has the chart drawn with the next frame, if it is on the screen at all. */
export function askForFrame() {
  if (isAsked || !isOnScreen) return;
  isAsked = true;
  requestAnimationFrame(animate);
}

// It is drawn again when it has moved by a pixel.
function animate() {
  isAsked = false;
  const scale = window.devicePixelRatio || 1;
  const pixelMs = lengthUs() / 1000 / (Math.max($('chart').clientWidth - LEFT, 1) * scale);
  draw(nowUs());
  clearTimeout(moving);
  moving = setTimeout(askForFrame, isStill.matches ? 1000 : Math.min(pixelMs, 1000));
}

/** @param {(at: number) => number} overdueUs how long an event has been overdue */
export function beginChart(overdueUs) {
  waitingUs = overdueUs;
  findColours();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    findColours();
    askForFrame();
  });
  $('span').addEventListener('change', askForFrame);
  addEventListener('resize', askForFrame);
  new IntersectionObserver((entries) => {
    isOnScreen = entries.at(-1)?.isIntersecting ?? true;
    askForFrame();
  }).observe(/** @type {Element} */ ($('chart').parentElement));
  askForFrame();
}
