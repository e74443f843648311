// The page's own clock, which counts microseconds since the page began, and how this device's clock relates to it.

/** The device's clock less the page's, if it differs by more than this from what it was, has been set. */
const SKEW_MS = 50;

export const nowUs = () => Math.round(performance.now() * 1000);

// It changes when the device's clock is set, and when the device has slept, for which the page's clock stands still in
// some browsers.
let skewMs = Date.now() - performance.timeOrigin - performance.now();

/**
 * A time of the page's clock as Unix time of this device, in milliseconds.
 * @param {number} us
 */
export const unixMs = (us) => performance.timeOrigin + skewMs + us / 1000;

/** Looks at both clocks. True if they differ by something else than before: the device slept, or its clock was set. */
export function seeJump() {
  const [before, from] = [skewMs, performance.now()];
  const [unix, at] = [Date.now(), performance.now()];
  // The thread may have lost the processor in between.
  if (at - from > SKEW_MS / 4) return false;
  skewMs = unix - performance.timeOrigin - from;
  return Math.abs(skewMs - before) >= SKEW_MS;
}

/** @param {number} ms Unix time */
export function wallAt(ms) {
  const date = new Date(ms);
  const [h, m, s] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0'));
  return `${h}:${m}:${s}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/**
 * A time of the page's clock, as clocks on the wall show it.
 * @param {number} us
 */
export const wall = (us) => wallAt(unixMs(us));

/**
 * Waits, until a signal aborts at most.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export const sleep = (ms, signal) => new Promise((done) => {
  const end = () => {
    clearTimeout(timer);
    done();
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', end);
    done();
  }, signal?.aborted ? 0 : ms);
  signal?.addEventListener('abort', end);
});

/**
 * A signal that aborts when the time is up, or with another signal.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
export function limit(ms, signal) {
  const abort = new AbortController();
  sleep(ms, signal).then(() => abort.abort());
  return abort.signal;
}
