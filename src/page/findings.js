// @ts-nocheck
// What a diagnosis came to.

import './core.js';
import { toneOf } from './verdict.js';
import { millis } from './text.js';

const lagText = (ms) => (ms === null || ms === undefined ? '–' : millis(ms * 1000));

export const isFaulty = (word) => toneOf(word) === 'bad';
export const tellingOf = (verdict) => (verdict?.findings ?? []).filter(({ severity }) => severity !== 'info').slice(0, 3);

// What helps, and what doesn't.
export function helpIn({ remedies, smallest, looks }) {
  const isOther = ({ id }) => id !== smallest && id !== 'proxy-config';
  const those = (works) => remedies.filter((remedy) => remedy.works === works && isOther(remedy));
  const hasHope = remedies.some(({ works }) => works !== false);
  return {
    cure: remedies.find(({ id }) => id === smallest) ?? null,
    works: those(true), fails: those(false), open: those(null),
    general: remedies.find(({ id }) => id === 'proxy-config') ?? null,
    // What is no stream, or was cut, has no cures to be tried: then the findings say what to do.
    telling: hasHope ? [] : tellingOf(looks[0].verdict),
  };
}

// How a cure was proven.
export function proofOf({ looks }, id) {
  const again = looks.find(({ variant }) => variant.id() === id)?.again;
  if (!again) return '';
  const received = again.streams.reduce((all, stream) => all + stream.counts.received, 0);
  const within = again.naming?.lag ? `, 99 % of them within ${lagText(again.naming.lag.p99)}` : '';
  return `it streamed twice, the second time ${received} events${within}`;
}

export const WHERE = {
  origin: 'the origin, or what is in front of it, sends', client: 'the client sends',
  'proxy-config': 'in between is set',
};

// What came of a second look at a variant, behind the verdict of the first. What doesn't stream is called otherwise when
// it is looked at for less time.
export function secondOf({ verdict, again }) {
  if (again === verdict) return ', twice';
  return again !== null && [verdict, again].includes('real-time') ? `, then ${again}` : '';
}


export const noCure = ({ looks: [plain] }) =>
  (Core.doesStream(plain) ? 'none is needed' : 'none was found in what a page can try');
