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

// Runs the page's script with this server behind it: `server(url, options)` gives an answer's status and content. Returns the
// elements by id, each with what it holds, and `act(id, event)`, which does what the page does at an event.
async function run(page, server) {
  const script = page.match(/<script[^>]*>([\s\S]*)<\/script>/)[1];
  const elements = new Map();
  for (const [, id] of page.matchAll(/\bid="(\w+)"/g)) {
    const listeners = {};
    const addEventListener = (event, listener) => { listeners[event] = listener; };
    elements.set(id, { textContent: '', className: '', value: '', listeners, addEventListener });
  }
  const getElementById = (id) => {
    assert(elements.has(id), `the page has no element ${id}`);
    return elements.get(id);
  };
  let again;
  const answered = new Promise((resolve) => { again = resolve; });
  vm.runInNewContext(script, {
    document: { getElementById, hidden: false, title: '' },
    fetch: async (url, options) => {
      const [status, content] = server(url, options);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      return { ok: status === 200, status, text: async () => text, json: async () => JSON.parse(text) };
    },
    confirm: () => true,
    AbortSignal,
    setTimeout: again,
  });
  await answered;
  assert.notEqual(elements.get('state').textContent, 'not answering', 'the script has failed');
  for (const [id, { textContent }] of elements) assert.doesNotMatch(textContent, /undefined|NaN|null|\[object/, id);
  const act = async (id, event) => {
    elements.get(id).listeners[event]();
    // Nothing in it takes longer than its promises do.
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  };
  return [(id) => elements.get(id), act];
}

// With this status as the server's answer; returns what each element then holds.
async function shown(page, status) {
  const [elements] = await run(page, (url) => {
    assert.equal(url, '/status.json');
    return [200, status];
  });
  return elements;
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

async function settings(page) {
  const now = { format: 1, name: 'Kitchen', volume: 'fixed', 'network.address': '192.168.1.20/24' };
  let next = null;
  let can_change = true;
  const asked = [];
  const server = (url, options = {}) => {
    if (url === '/status.json') return [200, RECORDED.stopped];
    if (url === '/settings.json') return [200, { now, next, can_change }];
    assert.deepEqual([options.method, options.headers['X-Tenuto']], ['POST', 'page']);
    const change = JSON.parse(options.body);
    asked.push([url, change]);
    if (change.key === 'dac') return [409, { done: false, reason: 'dac: no such card' }];
    if (url === '/settings/restart') return [403, 'not from here'];
    if (change.key) next = { ...now, ...next, [change.key]: change.value };
    return [200, { done: true }];
  };
  const [element, act] = await run(page, server);
  assert.deepEqual(asked, []);
  element('settings').open = true;
  await act('settings', 'toggle');
  const values = () => ['name', 'room', 'volume', 'dac'].map((key) => element(`set_${key}`).value);
  assert.deepEqual(values(), ['Kitchen', '', 'fixed', '']);
  assert.equal(element('address').textContent, '192.168.1.20/24; it is set in tenuto.toml');
  assert.deepEqual([element('save').disabled, element('told').textContent], [false, '']);
  // What was changed is asked for, and nothing else.
  element('set_room').value = ' Attic ';
  element('set_volume').value = '';
  await act('save', 'click');
  assert.deepEqual(asked.splice(0), [
    ['/settings/set', { key: 'room', value: 'Attic' }],
    ['/settings/set', { key: 'volume', value: null }],
  ]);
  assert.deepEqual(values(), ['Kitchen', 'Attic', '', '']);
  assert.equal(element('told').textContent, 'What you have changed counts from the next start.');
  // A refusal is told with its reason, and what was typed stays.
  element('set_dac').value = 'none';
  await act('save', 'click');
  assert.deepEqual([element('told').textContent, element('told').className, values()[3]], ['dac: no such card', 'bad', 'none']);
  await act('restart', 'click');
  assert.deepEqual([element('told').textContent, element('told').className], ['not from here', 'bad']);
  asked.length = 0;
  await act('reset', 'click');
  await act('off', 'click');
  assert.deepEqual(asked.map(([url]) => url), ['/settings/factory-reset', '/settings/power-off']);
  can_change = false;
  await act('settings', 'toggle');
  assert.deepEqual([element('save').disabled, element('set_name').disabled], [true, true]);
  assert.match(element('told').textContent, /on the appliance only/);
  console.log('ok    settings shown, changed, refused');
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
  const page = fs.readFileSync(PAGE, 'utf8');
  await recorded(page);
  await settings(page);
  if (process.env.TENUTO_LOCATION) await live(process.env.TENUTO_LOCATION);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
