// @ts-nocheck
// What a diagnosis found, on the page and in words.

import './core.js';
import { $, make } from './dom.js';
import { badge, holdText, matrixOf } from './matrix.js';
import { helpIn, noCure, proofOf, secondOf, WHERE } from './findings.js';
import { millis, sentence } from './text.js';

export const lagText = (ms) => (ms === null || ms === undefined ? '–' : millis(ms * 1000));

export function showDiagnosis(found) {
  const cells = (tag, texts) => texts.map(([text, kind]) => make(tag, text, kind ? { class: kind } : {}));
  const heads = cells('th', [['Variant'], ['Request', 'wide'], ['Verdict'], ['Hold', 'wide'],
    ['First event', 'wide number'], ['Median lag', 'number'], ['Max lag', 'wide number']]);
  for (const head of heads) head.setAttribute('scope', 'col');
  const rows = matrixOf(found).map(({ id, how, verdict, hold, again, first, lag }) => make('tr', cells('td', [
    [make('code', id)], [how, 'wide'], [[badge(verdict), secondOf({ verdict, again })]],
    [holdText(hold), 'wide'], [millis(first), 'wide number'], [lagText(lag?.p50), 'number'],
    [lagText(lag?.max), 'wide number'],
  ])));
  const table = make('table', [make('caption', 'Every variant, as it was asked for', { class: 'muted' }),
    make('thead', make('tr', heads)), make('tbody', rows)]);
  const [plain] = found.looks;
  $('found').replaceChildren(
    make('p', [badge(plain.verdict.verdict), ` ${sentence(plain.verdict.summary)}`]),
    ...(found.cause ? [named('Cause', found.cause.id, sentence(found.cause.text))] : []),
    ...help(found),
    ...listed('Notes', found.notes.map(sentence)),
    table,
  );
  $('found').hidden = false;
  $('save-diagnosis').disabled = false;
}

export const listed = (title, items) =>
  (items.length === 0 ? [] : [make('h3', title), make('ul', items.map((item) => make('li', item)))]);

// Whose configuration may be changed, and where in it.
export const placeIn = ({ product, is_seen: isSeen, where }) =>
  `${product}${isSeen ? '' : ' (what else does just this)'}, ${where}`;
export const reasonFor = ({ why, source: { versions, url, checked } }) =>
  `${why}; ${[versions ? `measured with ${versions}` : url, checked].filter(Boolean).join(', ')}`;
export const adviceText = (advice) =>
  `${placeIn(advice)}: ${[advice.lines.join(' '), advice.text].filter(Boolean).join('; ')} (${reasonFor(advice)})`;
export const hopText = ({ name, evidence }) => `${name} (${evidence.join('; ')})`;

export const asIs = (label, text) => make('p', [make('strong', label), `: ${text}`]);
export const named = (label, id, text) => make('p', [make('strong', label), ': ', make('code', id), `: ${text}`]);
export const byLabel = (label, text) => make('p', [make('strong', label), `: ${sentence(text)}`]);
export const muted = (text) => make('p', text, { class: 'muted' });

// What helps, what doesn't, and what to type where.
export function help(found) {
  const { cure, works, fails, open, general, telling } = helpIn(found);
  const listedAs = (title, remedies) => listed(title, remedies.map(({ id, text }) => [make('code', id), ` ${text}`]));
  const proof = cure && proofOf(found, cure.id);
  const line = (text) => make('pre', text, { class: 'line' });
  return [
    ...telling.filter(({ advice }) => advice).map(({ advice }) => byLabel('Try', advice)),
    cure
      ? named('Smallest cure', cure.id, WHERE[cure.place])
      : asIs('Smallest cure', `${noCure(found)}.`),
    ...(cure?.changes ?? []).map((id) => Core.CURES.get(id)).flatMap((one) => [line(one.line), muted(sentence(one.text))]),
    ...(proof ? [make('p', `✓ ${sentence(proof)}`)] : []),
    ...found.advice.flatMap((advice) => [
      asIs(cure ? 'Or in the configuration' : 'To try', placeIn(advice)), ...advice.lines.map(line),
      ...(advice.text ? [muted(sentence(advice.text))] : []), muted(sentence(reasonFor(advice))),
    ]),
    ...(general && found.advice.length === 0 ? [byLabel(cure ? 'Or' : 'To try', general.text)] : []),
    ...(found.hop ? [asIs('In between', hopText(found.hop))] : []),
    ...listedAs('Works too', works), ...listedAs('Not known', open),
    ...(fails.length === 0 ? [] : [make('p', [make('strong', 'Doesn’t help'), ': ',
      ...fails.flatMap(({ id }, n) => [n > 0 ? ', ' : '', make('code', id)])])]),
  ];
}

