// Tells a story file (see tests/common/story.rs, its twin) to the core of the page; what comes of it, all numbers.

function told(story) {
  const recorders = story.streams.map((stream) => record(story, stream));
  const clock = clockOf(story, recorders);
  const stalls = story.stalls.map(([fromUs, toUs]) => ({ fromUs, toUs }));
  const streams = recorders.map((recorder) => recorder.summary(clock, stalls));
  const [kind, why, id] = story.answer;
  const answer = kind === 'stream' ? { kind } : { kind, finding: Core.finding(id, why) };
  const verdict = Core.judge({ answer, streams, clock, withinUs: story.within_ms * 1000 });
  return { clock, streams, verdict, ending: Core.ending(streams), naming: Core.representative(streams)?.spec.name ?? null };
}

function clockOf({ exchanges, connect_us: connectUs, unix_us: unixUs }, recorders) {
  const least = Math.min(...recorders.map((recorder) => recorder.leastTransitUs).filter((us) => us !== null));
  const asked = exchanges.map(([t0Us, t1, t3Us]) => ({ t0Us, t1Us: t1 + unixUs, t3Us }));
  return Core.Clock.fromExchanges(asked, connectUs) ?? (least === Infinity ? null : Core.Clock.fromLeastTransit(least));
}

function record(story, { name, interval_us: intervalUs, size, count, requested_us: requestedUs, ...stream }) {
  const origin = story.ours ? 'ours' : 'foreign';
  const recorder = new Core.Recorder({ name, intervalUs, size, count }, origin, requestedUs);
  let [comments, events] = [0, 0];
  for (const [at, bodyEnd, contentEnd = bodyEnd] of stream.reads) {
    recorder.read(at, bodyEnd, contentEnd);
    for (; stream.comments[comments] <= contentEnd; comments++) recorder.comment(stream.comments[comments]);
    for (; stream.events[events]?.[3] <= contentEnd; events++) {
      const [, , start, end] = stream.events[events];
      recorder.event(what(story, stream.events[events]), start, end);
    }
  }
  const [how, at] = stream.end;
  if (at !== null) recorder.end(how, at);
  return recorder;
}

function what({ unix_us: unixUs }, [seq, sent, , , intact = 1]) {
  if (sent === null) return seq === null && !intact ? { kind: 'unreadable' } : { kind: 'foreign', id: seq };
  const sentUs = sent + unixUs;
  return seq === 0 ? { kind: 'hello', sentUs } : { kind: 'numbered', seq, sentUs, intact: intact !== 0 };
}

// An event in the words of stories.
function eventOf({ kind, seq = 0, sentUs = null, intact = true, id = null }) {
  if (kind === 'unreadable') return [null, null, 0, 0, 0];
  return kind === 'foreign' ? [id, null, 0, 0] : [seq, sentUs, 0, 0, ...(intact ? [] : [0])];
}

// The variant that has an id.
function variantOf(id) {
  const all = [Core.Variant.plain(), Core.Variant.lateByte(), Core.Variant.quiet(), Core.Variant.heartbeat()];
  return [...all, ...Core.Variant.everything()].find((variant) => variant.id() === id) ?? Core.Variant.of(id.split('+'));
}

// What comes of variants that were tried, first and again.
function diagnosed({ tried, again, control, ...evidence }) {
  const tries = (all) => all.map((tried) => ({ ...tried, variant: variantOf(tried.variant) }));
  const ids = (variants) => variants.map((variant) => variant.id());
  const [first, second] = [tries(tried), tries(again)];
  const [steered = null] = tries(control === null ? [] : [control]);
  return {
    working: ids(Core.working(first).map(({ variant }) => variant)),
    pairs: ids(Core.pairs(first)),
    toConfirm: ids(Core.toConfirm(first)),
    doubtful: ids(first.filter(Core.isDoubtful).map(({ variant }) => variant)),
    diagnosis: Core.diagnose({ tried: first, again: second, control: steered, cures: products.cures, ...evidence }),
  };
}

// What a variant asks for.
function asked([id, query]) {
  const variant = variantOf(id);
  return [variant.id(), variant.query(query), variant.method(), variant.acceptEncoding(), variant.isSteady()];
}
