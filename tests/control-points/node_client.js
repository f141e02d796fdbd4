// A session with upnp-mediarenderer-client: it polls, keeps its connections open, and answers no NOTIFY.
// Run by the `session` program, which gives TENUTO_LOCATION and TENUTO_URLS (two files, 6 s or longer).
'use strict';
const Client = require('upnp-mediarenderer-client');
const { promisify } = require('util');

const client = new Client(process.env.TENUTO_LOCATION);
const [first, second] = process.env.TENUTO_URLS.split('\n');
const call = (name, ...args) => promisify(client[name].bind(client))(...args);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const states = [];
client.on('status', (status) => {
  if (status.TransportState) states.push(status.TransportState);
});

// Nothing here is a measure of speed: a step that hangs must end, that is all.
async function until(what, condition) {
  for (let i = 0; i < 600; i++) {
    if (await condition()) {
      console.log(`ok    ${what}`);
      return;
    }
    await sleep(50);
  }
  throw new Error(`${what}; states so far: ${states}`);
}

async function main() {
  await call('load', first, { autoplay: true, contentType: 'audio/wav', metadata: { title: 'One & <1>', type: 'audio' } });
  await until('PLAYING by event', () => states.includes('PLAYING'));
  await until('duration from GetMediaInfo', async () => (await call('getDuration')) >= 6);
  await call('seek', 3);
  await until('position after a seek', async () => (await call('getPosition')) >= 3);
  await call('pause');
  await until('PAUSED_PLAYBACK by event', () => states.includes('PAUSED_PLAYBACK'));
  await call('setVolume', 40);
  await until('volume', async () => (await call('getVolume')) === 40);
  await call('play');
  states.length = 0;
  await call('load', second, { autoplay: true, contentType: 'audio/wav', metadata: { title: 'Two', type: 'audio' } });
  await until('PLAYING again by event', () => states.includes('PLAYING'));
  await call('stop');
  await until('STOPPED by event', () => states.includes('STOPPED'));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`FAIL  ${error.stack}`);
    process.exit(1);
  },
);
