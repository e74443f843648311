// @ts-nocheck
// What the origin knows of products, and the clock in the core's words.

import './core.js';
import { limit } from './clock.js';
import { origin, rounds } from './origin.js';
import { beside } from './query.js';

const INSPECT_MS = 10_000;
let known = null;

export function clockKnown() {
  if (origin.offset !== null && rounds.length > 0) known = Core.Clock.fromExchanges(rounds);
  return known;
}

let asked = null;
export let book = Core.NO_PRODUCTS;

export async function products(signal) {
  asked ??= fetch(beside('products'), { signal: limit(INSPECT_MS, signal) }).then((response) => response.json());
  try {
    book = await asked;
  } catch {
    asked = null;
  }
  return book;
}
