// What the page's own script makes of a /status.json: run as it is, with no browser around it but what it uses of one.
//   node shown.js    the page of this checkout, with what is in recorded.json beside this file
// Run by the `session` program, which gives TENUTO_LOCATION and TENUTO_URLS (a file, 5 s or longer), it has the player there play,
// and takes page and status from that, too.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const PAGE = path.join(__dirname, '../../firmware/player/src/http/page/page.html');
const RECORDED = JSON.parse(fs.readFileSync(path.join(__dirname, 'recorded.json'), 'utf8'));

// Runs the page's script with this status as the server's answer; returns what each element then holds.
async function shown(page, status) {
  const script = page.match(/<script[^>]*>([\s\S]*)<\/script>/)[1];
  const elements = new Map();
  for (const [, id] of page.matchAll(/\bid="(\w+)"/g)) {
    elements.set(id, { textContent: '', className: '', addEventListener() {} });
  }
  const getElementById = (id) => {
    assert(elements.has(id), `the page has no element ${id}`);
    return elements.get(id);
  };
  let again;
  const answered = new Promise((resolve) => { again = resolve; });
  vm.runInNewContext(script, {
    document: { getElementById, hidden: false, title: '' },
    fetch: async (url) => {
      assert.equal(url, '/status.json');
      return { ok: true, json: async () => JSON.parse(JSON.stringify(status)) };
    },
    AbortSignal,
    setTimeout: again,
  });
  await answered;
  assert.notEqual(elements.get('state').textContent, 'not answering', 'the script has failed');
  for (const [id, { textContent }] of elements) assert.doesNotMatch(textContent, /undefined|NaN|null|\[object/, id);
  return (id) => elements.get(id);
}

// The lateness, µs, that so many per cent of all wake-ups stay below, counted one by one: bucket n ends at 2^n µs.
function percentile(lateness, percent) {
  const each = lateness.flatMap((count, bucket) => Array(count).fill(bucket));
  return 2 ** each[Math.ceil((each.length * percent) / 100) - 1];
}

// Figures that are the engine's have to be on the page, whatever they are.
function agrees(text, status) {
  const { engine, track } = status;
  if (engine.wakeups) {
    const worst = Math.round(engine.worst_lateness_ns / 1000);
    const [half, most] = [50, 99].map((percent) => percentile(engine.lateness, percent));
    const wakeups = `${engine.late_wakeups} of ${engine.wakeups} late, worst ${worst} µs; 50 % within ${half} µs, 99 % within ${most} µs`;
    assert.equal(text('wakeups').textContent, wakeups);
    assert.equal(engine.lateness.reduce((sum, count) => sum + count), engine.wakeups, 'a histogram of all wake-ups');
  }
  const lost = engine.xruns || engine.starved;
  assert.equal(text('xruns').textContent, lost ? `${engine.xruns} of the DAC, ${engine.starved} for want of data` : 'none');
  if (track) {
    const seconds = Math.floor(track.position);
    assert.equal(text('position').textContent, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
    if (track.duration) assert.equal(text('progress').value, track.position / track.duration);
  }
}

async function recorded(page) {
  const { playing, stopped } = RECORDED;
  const now = await shown(page, playing);
  for (const [id, text, mood] of [
    ['state', 'playing', ''],
    ['title', '1.flac', ''],
    ['position', '0:06', ''],
    ['duration', '0:20', ''],
    ['source', 'FLAC, 16 bit, 48 kHz, stereo', ''],
    ['wire', 'S16_LE, 48 kHz, stereo', ''],
    ['perfect', 'yes', 'good'],
    ['output', 'Tenuto reference DAC', ''],
    ['xruns', '1 of the DAC, 0 for want of data', 'bad'],
    ['wakeups', '24 of 154 late, worst 1980514 µs; 50 % within 128 µs, 99 % within 2097152 µs', ''],
    ['ring', 'never less than 0.76 s ahead', ''],
    ['certificate', '', ''],
  ]) {
    const { textContent, className } = now(id);
    assert.deepEqual([textContent, className], [text, mood], id);
  }
  assert.deepEqual(['play', 'pause', 'stop', 'next'].map((id) => now(id).disabled), [true, false, false, true]);
  agrees(now, playing);
  console.log('ok    what was recorded while it played');

  const after = await shown(page, stopped);
  const certificate = '295570 frames, SHA-256 6db0e18b6963f0ad…, not in one piece, scaled, 28 late wake-ups, 1 dropouts';
  assert.equal(after('certificate').textContent, certificate);
  assert.equal(after('position').textContent, '0:00');
  agrees(after, stopped);
  console.log('ok    what was recorded when it had stopped');

  const { engine } = playing;
  const with_ = (changes) => ({ ...playing, engine: { ...engine, ...changes } });
  for (const [changes, id, text, mood] of [
    [{ xruns: 0 }, 'xruns', 'none', 'good'],
    [{ xruns: 0, starved: 2 }, 'xruns', '0 of the DAC, 2 for want of data', ''],
    [{ wakeups: 0, lateness: Array(32).fill(0) }, 'wakeups', 'none yet', ''],
    [{ state: 'gone', fault: 'it has ended' }, 'wakeups', '', ''],
  ]) {
    const { textContent, className } = (await shown(page, with_(changes)))(id);
    assert.deepEqual([textContent, className], [text, mood], id);
  }
  // Exactly half of all, and exactly 99 of 100, lie within a bucket.
  const lateness = Array(32).fill(0);
  [lateness[3], lateness[6], lateness[9]] = [50, 49, 1];
  const exact = await shown(page, with_({ wakeups: 100, late_wakeups: 0, worst_lateness_ns: 400e3, lateness }));
  assert.equal(exact('wakeups').textContent, '0 of 100 late, worst 400 µs; 50 % within 8 µs, 99 % within 64 µs');
  const hour = await shown(page, { ...playing, track: { ...playing.track, position: 3671.9, duration: null } });
  assert.deepEqual([hour('position').textContent, hour('duration').textContent, hour('progress').value], ['1:01:11', '', 0]);
  console.log('ok    counts, percentiles and times at their edges');
}

async function live(location) {
  const get = async (at) => {
    const answer = await fetch(new URL(at, location));
    assert.equal(answer.status, 200, at);
    return answer.text();
  };
  const service = 'urn:schemas-upnp-org:service:AVTransport:1';
  const act = async (action, given) => {
    const call = `<u:${action} xmlns:u="${service}"><InstanceID>0</InstanceID>${given}</u:${action}>`;
    const answer = await fetch(new URL('/AVTransport/control', location), {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPACTION: `"${service}#${action}"` },
      body: `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
        s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>${call}</s:Body></s:Envelope>`,
    });
    assert.equal(answer.status, 200, action);
  };
  const description = await get(location);
  const page = await get(description.match(/<presentationURL>([^<]*)<\/presentationURL>/)[1]);
  const uri = process.env.TENUTO_URLS.split('\n')[0];
  await act('SetAVTransportURI', `<CurrentURI>${uri}</CurrentURI><CurrentURIMetaData></CurrentURIMetaData>`);
  await act('Play', '<Speed>1</Speed>');
  let status;
  for (let n = 0; !(status && status.track.position > 1); n++) {
    assert(n < 1200, 'it never plays');
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    status = JSON.parse(await get('/status.json'));
  }
  agrees(await shown(page, status), status);
  console.log('ok    what a player says while it plays');
}

async function main() {
  await recorded(fs.readFileSync(PAGE, 'utf8'));
  if (process.env.TENUTO_LOCATION) await live(process.env.TENUTO_LOCATION);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
