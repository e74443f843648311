// @ts-nocheck
// The rows of a diagnosis.

import './core.js';
import { make } from './dom.js';
import { METHODS } from './query.js';
import { toneOf } from './verdict.js';

export const badge = (verdict) => make('span', verdict, { class: 'badge', 'data-tone': toneOf(verdict) });

export function holdText({ kind, bytes, ms }) {
  if (kind === 'none' || kind === 'unknown') return '';
  const much = [bytes === null ? null : `${bytes} bytes`, ms === null ? null : Core.time(ms * 1000)].filter(Boolean);
  return [kind, ...much].join(', ');
}

// Of streams that are quiet it is only said whether they were cut.
export function wordOf({ variant, verdict: { verdict } }) {
  return variant.isQuiet() && verdict === 'inconclusive' ? 'not cut' : verdict;
}

export const BY_EVENT_SOURCE = 'plain, EventSource';

// Everything that a page can change has many names.
export function nameOfVariant(variant) {
  if (variant.changes.length <= 2) return variant.id();
  return variant.has('close-framing') ? 'everything-close' : 'everything';
}

// An EventSource shows whole events only, and no bytes.
export const holdSeen = (how, hold) => (how === 'eventsource' ? { ...hold, bytes: null } : hold);

// The rows of the matrix: what was asked for, and what came.
export function matrixOf({ looks, byEventSource }) {
  const row = (look, id) => ({
    look, id, how: METHODS[look.how], verdict: wordOf(look),
    hold: holdSeen(look.how, look.verdict.hold),
    again: look.again ? wordOf(look.again) : null,
    first: look.naming?.firstEventUs == null ? null : look.naming.firstEventUs - look.naming.requestedUs,
    lag: look.naming?.lag ?? null,
  });
  const [plain, ...others] = looks;
  const rows = others.map((look) => row(look, nameOfVariant(look.variant)));
  // Those of one change come first, and what tells of limits last.
  const rank = ({ variant }) => (variant.isSteady() ? variant.changes.length : 99);
  const ordered = rows.map((row, n) => [rank(others[n]), row]).sort(([a], [b]) => a - b).map(([, row]) => row);
  return [row(plain, 'plain'), row(byEventSource, BY_EVENT_SOURCE), ...ordered];
}

