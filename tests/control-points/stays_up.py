"""`image/run` as a newcomer starts it: what it says is there, plays what async_upnp_client has it play, and is what was sent.

`stays_up.py RUN DIRECTORY`: RUN is image/run, DIRECTORY an empty one. Boots three times: with --listen and --serve, ended as
by Ctrl-C in a terminal; and with each DAC that the first track shows something wrong of, ended by SIGTERM. Nothing may be left
of any. Prints each step; ends with status 1 at the first that fails.
"""

import asyncio
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import wave
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from aiohttp import ClientSession
from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.profiles.dlna import DmrDevice, TransportState

# What is awaited, in seconds: nothing here is a measure of speed.
BUILT_AND_BOOTED = 2400
LIMIT = 180
# A busy machine loses sound. Where a card or ring ran dry and the host's kernel says why, a track is played once more.
ATTEMPTS = 2
# The emulator keeps the guest's card fed for half a second (image/src/session.rs), of which a period of 40 ms is gone when
# the engine comes late: of that the host has to have taken half, within the two buffers before it is seen.
HELD, HELD_WITHIN = 0.230, 1.0
# The ring lasts a second: so long the thread that emulates has had work to do, or the host took the time.
BUSY, BUSY_WITHIN = 0.85, 1.0
DAC = "Tenuto reference DAC"
WHOLE = "equal, every bit"
# Which --dac, what it is called, what image/run says of its frames, and what when the first track was played to it.
OTHERS = {
    "vanishes": ("Tenuto DAC that vanishes", "each came, bit for bit", "interrupted", "found again after another"),
    "stays-at-48k": ("Tenuto DAC that stays at 48 kHz", WHOLE, "found", "runs at 48000"),
}
BLOCK = 4096


def step(name):
    print(f"ok    {name}", flush=True)


def check(so, what):
    if not so:
        sys.exit(f"FAIL  {what}")


def write_wav(path):
    """Three seconds of noise, 24 bits at 96 kHz; returns it as 32 bits, left-justified."""
    frames = random.Random(1).randbytes(3 * 96_000 * 6)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 3, 96_000, 0, "NONE", None))
        file.writeframes(frames)
    return b"".join(b"\0" + frames[at : at + 3] for at in range(0, len(frames), 3))


def write_dsf(path):
    """Two seconds of DSD64; returns each channel's bits, the first one least significant."""
    blocks = 2 * 2_822_400 // 8 // BLOCK
    planes = [random.Random(seed).randbytes(blocks * BLOCK) for seed in (2, 3)]
    data = b"".join(plane[at : at + BLOCK] for at in range(0, blocks * BLOCK, BLOCK) for plane in planes)
    fmt = struct.pack("<4sQ6IQ2I", b"fmt ", 52, 1, 0, 2, 2, 2_822_400, 1, blocks * BLOCK * 8, BLOCK, 0)
    chunks = fmt + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    path.write_bytes(struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(chunks), 0) + chunks)
    return planes


def read_wav(path):
    """Its samples as ffmpeg reads them, 32 bits, left-justified."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-f", "s32le", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def read_dsf(path):
    """Each channel's bits (DSF File Format Specification 1.01)."""
    content = path.read_bytes()
    check(content[28:32] == b"fmt " and content[80:84] == b"data", f"{path} is a DSF file")
    channels, rate, bits, samples, block = struct.unpack_from("<IIIQI", content, 52)
    check((channels, rate, bits, block) == (2, 2_822_400, 1, BLOCK), f"{path}: DSD64 in stereo")
    data = content[92:]
    planes = [b"".join(data[at : at + BLOCK] for at in range(first, len(data), 2 * BLOCK)) for first in (0, BLOCK)]
    return [plane[: samples // 8] for plane in planes]


def around(sent, came, silence, what):
    """What was sent has to be there once, with nothing but silence around it."""
    at = came.find(sent)
    check(at >= 0, f"{what} is not what was sent: {len(sent)} bytes of {len(came)}")
    rest = came[:at] + came[at + len(sent) :]
    check(rest.count(silence) == len(rest), f"{what} has something else than silence around it")


class Appliance:
    """image/run, in a session of its own: whatever it starts can be found by that."""

    def __init__(self, run, directory, *options):
        self.temporary = directory / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.log = (directory / "log").open("a")
        self.process = subprocess.Popen(
            [run, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.temporary)},
        )
        self.said = {}

    def up(self, dac=DAC, frames=WHOLE):
        """Reads what it says until it stays up."""
        signal.alarm(BUILT_AND_BOOTED)
        for line in self.process.stdout:
            print(f"      {line}", end="", flush=True)
            if line.startswith("Ctrl-C"):
                break
            word, _, rest = line.partition(" ")
            self.said.setdefault(word, rest.strip())
        else:
            sys.exit(f"FAIL  image/run has ended with status {self.process.wait()}")
        signal.alarm(0)
        check(frames in self.said["frames"] and "NOT" not in self.said["frames"], "the first track came whole")
        check(dac in self.said["DAC"], f"it plays to {dac}")
        check(any("qemu-system" in process for process in self.processes()), "its QEMU can be found")
        step("it is up, has played, and says where it is")

    def processes(self):
        """What is left of its session, with QEMU and the servers, which lead groups of their own."""
        left = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
                command = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            # proc_pid_stat(5): state, ppid, pgrp, session.
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                left.append(f"{stat.parent.name} {command}")
        return left

    def emulator(self):
        """QEMU's process."""
        return next(process.partition(" ")[0] for process in self.processes() if "qemu-system" in process)

    def is_over(self, status):
        """It ends by itself, well, and nothing is left."""
        found = self.process.wait(timeout=LIMIT)
        check(found == status, f"image/run ends with status {status}, not {found}")
        check(not self.processes(), f"left running: {self.processes()}")
        check(not list(self.temporary.iterdir()), f"left in TMPDIR: {list(self.temporary.iterdir())}")
        page = urlsplit(self.said["page"])
        with socket.socket() as client:
            check(client.connect_ex((page.hostname, page.port)) != 0, "its port is closed")
        step("nothing is left of it")


@contextmanager
def appliance(run, directory, *options):
    one = Appliance(run, directory, *options)
    try:
        yield one
    finally:
        # Only where something has failed: it ends what it has started.
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(timeout=LIMIT)


def schedstat(process):
    """Of each thread: what it ran, and what it waited for a core, in seconds since it began (proc_pid_schedstat)."""
    found = {}
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            ran, waited, _ = (thread / "schedstat").read_text().split()
        except OSError:
            continue
        found[thread.name] = (int(ran) / 1e9, int(waited) / 1e9)
    return found


def grown(before, after):
    """What the thread that emulates has run and waited since: the one that ran most."""
    grown = [[now - then for now, then in zip(after[one], before.get(one, (0, 0)))] for one in after]
    return max(grown, default=[0, 0])


class Watch:
    """What the host took from the emulator, looked at again and again."""

    def __init__(self, process):
        self.process = process
        self.looks = []

    def look(self):
        self.looks.append((time.monotonic(), schedstat(self.process)))

    def before(self, window):
        """What it ran and waited in this time before the last look, and how long that really was."""
        now, after = self.looks[-1]
        earlier = [look for look in self.looks if now - look[0] >= window]
        then, before = earlier[-1] if earlier else self.looks[0]
        return [*grown(before, after), now - then]

    def explains(self, ran_dry):
        """Whether it is a reason for the card, or the ring, to have run dry since the look before the last one."""
        gap = self.looks[-1][0] - self.looks[-2][0] if len(self.looks) > 1 else 0
        _, waited, took = self.before(HELD_WITHIN + gap)
        held = waited - max(0, took - HELD_WITHIN - gap) >= HELD
        ran, waited, took = self.before(BUSY_WITHIN + gap)
        busy = took >= BUSY_WITHIN and (ran + waited) / took >= BUSY
        print(f"      ran dry: {ran_dry}; the host took {waited:.2f} s of {took:.2f}, in which {ran:.2f} were run", flush=True)
        return (held or not ran_dry["xruns"]) and (busy or not ran_dry["starved"])


async def page_shows(http, one, dac=DAC):
    async with http.get(one.said["page"]) as page:
        check(page.status == 200 and "html" in page.content_type, "the page answers")
    status = await told(http, one)
    # ALSA cuts a card's name after 31 characters.
    check(dac[:31] in status["engine"]["output"], f"the page shows {dac}, not {status['engine']['output']}")
    step(f"the page shows {status['engine']['output']}")


async def told(http, one):
    """What the page shows."""
    async with http.get(urljoin(one.said["page"], "/status.json")) as status:
        return json.loads(await status.text())


async def play(http, one, renderer, uri, title):
    """Plays it to its end; returns whether it came whole, and whether the host's kernel says why card or ring ran dry."""
    told_before = await told(http, one)
    before = [track["id"] for track in told_before["tracks"]]
    metadata = await renderer.construct_play_media_metadata(uri, title)
    await renderer.async_set_transport_uri(uri, title, metadata)
    await renderer.async_wait_for_can_play()
    await renderer.async_play()
    ends = time.monotonic() + LIMIT
    certificate, proved = None, []
    watch = Watch(one.emulator())
    watch.look()
    counted = told_before["engine"]
    while certificate is None:
        check(time.monotonic() < ends, f"{title} ends")
        await asyncio.sleep(0.25)
        await renderer.async_update()
        now = await told(http, one)
        watch.look()
        ran_dry = {name: now["engine"][name] - counted[name] for name in ("xruns", "starved")}
        counted = now["engine"]
        if any(ran_dry.values()):
            proved.append(watch.explains(ran_dry))
        if renderer.transport_state == TransportState.STOPPED:
            tracks = [track for track in now["tracks"] if track["id"] not in before]
            certificate = tracks[-1]["certificate"] if tracks else None
    print(f"      the certificate of {title}: {certificate}", flush=True)
    return certificate["whole"] and not certificate["xruns"], bool(proved) and all(proved)


async def comes_whole(http, one, renderer, directory, uri, name, compare):
    """Plays it until it comes whole, and compares the file of each time that its certificate calls whole.

    It is played once more only where the engine has counted that card or ring ran dry, and each time the host's kernel that the
    emulator was held up, or had no rest, just then.
    """
    title = uri.rpartition("/")[2]
    for attempt in range(1, ATTEMPTS + 1):
        heard = complete(directory, name)
        whole, proved = await play(http, one, renderer, uri, title)
        # What follows the last of it is over the bus only now: the next time has a file of its own.
        ends = time.monotonic() + LIMIT
        while not (new := [path for path in complete(directory, name) if path not in heard]):
            check(time.monotonic() < ends, f"a file {name} is complete")
            await asyncio.sleep(0.25)
        check(len(new) == 1, f"{title} comes in one stream, not as {new}")
        if whole:
            compare(new[0])
            step(f"{new[0].name} holds every bit of {title}, and silence")
            return
        check(proved, f"{title} comes whole: nothing outside of the appliance explains why it didn't")
        print(f"      {title} did not come whole at attempt {attempt}: the host was too busy", flush=True)
    sys.exit(f"FAIL  {title} never came whole: this machine is too slow, or sound is lost")


def complete(directory, name):
    """The files of which image/run says that they are complete, and that are named so."""
    lines = (directory / "log").read_text().splitlines()
    paths = [Path(line.partition("complete: ")[2].rsplit(", ", 2)[0]) for line in lines if "complete: " in line]
    return [path for path in paths if path.name.endswith(name)]


async def listens(run, directory):
    music, heard = directory / "music", directory / "heard"
    music.mkdir()
    samples = write_wav(music / "noise.wav")
    planes = write_dsf(music / "noise.dsf")

    def compare_pcm(path):
        around(samples, read_wav(path), b"\0", path.name)

    def compare_dsd(path):
        for sent, came in zip(planes, read_dsf(path), strict=True):
            # 0x69, the other way round.
            around(sent, came, b"\x96", path.name)

    with appliance(run, directory, "--listen", str(heard), "--serve", str(music)) as one:
        one.up()
        check(Path(one.said["listens"].rpartition(":")[0]) == heard.resolve(), "it says where it writes")
        base = one.said["music"].split()[0]
        async with ClientSession() as http:
            await page_shows(http, one)
            factory = UpnpFactory(AiohttpRequester(timeout=LIMIT), non_strict=False)
            device = await factory.async_create_device(one.said["description"])
            # Events can't come out of the appliance's network: it is asked.
            renderer = DmrDevice(device, None)
            await renderer.async_update()
            step(f"async_upnp_client takes {device.friendly_name} for a renderer")
            wav, dsf = (urljoin(base, name) for name in ("noise.wav", "noise.dsf"))
            await comes_whole(http, one, renderer, directory, wav, "-96000-pcm32.wav", compare_pcm)
            await comes_whole(http, one, renderer, directory, dsf, "-2822400-dsd.dsf", compare_dsd)
        # As a terminal does it: everyone in the foreground gets it.
        os.killpg(one.process.pid, signal.SIGINT)
        one.is_over(0)
    files = sorted(file.name for file in heard.iterdir())
    step(f"heard: {', '.join(files)}")
    check(files[0] == "001-44100-pcm32.wav", "the first track's file comes first")


async def shows(run, directory, name):
    """A DAC with something wrong: the first track shows that, and comes whole all the same."""
    dac, frames, word, says = OTHERS[name]
    with appliance(run, directory, "--dac", name) as one:
        one.up(dac, frames)
        check(says in one.said.get(word, ""), f"it says what is wrong with it: {one.said}")
        step(f"it says: {one.said[word]}")
        check(not {"music", "listens", "shell"} & set(one.said), "it offers what wasn't asked for")
        async with ClientSession() as http:
            await page_shows(http, one, dac)
        one.process.terminate()
        one.is_over(0)


def main():
    run, directory = sys.argv[1], Path(sys.argv[2])
    asyncio.run(listens(run, directory))
    for name in OTHERS:
        asyncio.run(shows(run, directory, name))


main()
