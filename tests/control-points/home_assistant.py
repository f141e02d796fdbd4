"""A whole session with async_upnp_client, the library by which Home Assistant drives renderers.

Run by the `session` program, which gives TENUTO_LOCATION, TENUTO_URLS (two files, 6 s or longer) and TENUTO_ADDRESS.
Prints each step; ends with status 1 at the first that fails.
"""

import asyncio
import os
import sys
from datetime import timedelta
from urllib.parse import urljoin

from aiohttp import ClientSession
from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpActionError
from async_upnp_client.profiles.dlna import DmrDevice, TransportState
from async_upnp_client.search import async_search

# Nothing here is a measure of speed: a step that hangs must end, that is all.
LIMIT = 30


def step(name):
    print(f"ok    {name}", flush=True)


async def until(what, condition):
    """Waits until events (or a poll) have made the condition true."""
    for _ in range(LIMIT * 20):
        if condition():
            step(what)
            return
        await asyncio.sleep(0.05)
    sys.exit(f"FAIL  {what}")


async def main():
    location = os.environ["TENUTO_LOCATION"]
    first, second = os.environ["TENUTO_URLS"].splitlines()
    address = os.environ["TENUTO_ADDRESS"]

    # A search, on the interface of the session only.
    found = []

    async def answered(headers):
        found.append(headers["location"])

    for _ in range(5):
        await async_search(answered, timeout=2, search_target=DmrDevice.DEVICE_TYPES[0], source=(address, 0))
        if location in found:
            break
    assert location in found, f"{location} not in {found}"
    step("the renderer answers a search")

    # Strict: what isn't as the specification has it, is an error.
    requester = AiohttpRequester(timeout=LIMIT)
    factory = UpnpFactory(requester, non_strict=False)
    device = await factory.async_create_device(location)
    step("strict reading of description and SCPDs")
    for service in device.all_services:
        for action in service.actions.values():
            assert action.in_arguments() is not None
    assert DmrDevice.is_profile_device(device)
    assert device.presentation_url and device.udn.startswith("uuid:")
    async with ClientSession() as http, http.get(urljoin(location, device.presentation_url)) as page:
        assert page.status == 200 and "html" in page.content_type, page
    step("the page at presentationURL answers")

    server = AiohttpNotifyServer(requester, source=(address, 0))
    await server.async_start_server()
    renderer = DmrDevice(device, server.event_handler)
    events = []
    renderer.on_event = lambda service, variables: events.append(
        [(variable.name, variable.value) for variable in variables]
    )
    await renderer.async_subscribe_services(auto_resubscribe=True)
    await until("initial events", lambda: renderer.transport_state is not None and renderer.volume_level is not None)
    await renderer.async_update()
    mimes = {entry.split(":")[2] for entry in renderer.sink_protocol_info}
    assert {"audio/flac", "audio/x-flac", "audio/wav", "audio/mpeg"} <= mimes, mimes
    step("protocol info")

    metadata = await renderer.construct_play_media_metadata(first, "Première & <éclat>")
    await renderer.async_set_transport_uri(first, "Première & <éclat>", metadata)
    await renderer.async_wait_for_can_play()
    assert renderer.can_play
    step("Play is offered")
    await renderer.async_play()
    await until("PLAYING by event", lambda: renderer.transport_state == TransportState.PLAYING)
    await until("title by event", lambda: renderer.media_title == "Première & <éclat>")
    await until("duration by event", lambda: (renderer.media_duration or 0) >= 6)
    assert renderer.av_transport_uri == first and renderer.current_track_uri == first
    assert not any(name == "RelativeTimePosition" for event in events for name, _ in event)

    if renderer.has_volume_level:
        await renderer.async_set_volume_level(0.37)
        await until("volume by event", lambda: renderer.volume_level == 0.37)
    await renderer.async_mute_volume(True)
    await until("mute by event", lambda: renderer.is_volume_muted is True)
    await renderer.async_mute_volume(False)
    await until("unmute by event", lambda: renderer.is_volume_muted is False)

    assert renderer.can_pause
    await renderer.async_pause()
    await until("PAUSED_PLAYBACK by event", lambda: renderer.transport_state == TransportState.PAUSED_PLAYBACK)
    await renderer.async_play()
    await until("PLAYING again", lambda: renderer.transport_state == TransportState.PLAYING)

    assert renderer.can_seek_rel_time
    await renderer.async_seek_rel_time(timedelta(seconds=4))
    for _ in range(LIMIT * 10):
        await renderer.async_update()
        if (renderer.media_position or 0) >= 4:
            break
        await asyncio.sleep(0.1)
    assert renderer.media_position >= 4, renderer.media_position
    step("position after a seek")

    # A gapless transition: no STOPPED, both URIs move on.
    metadata = await renderer.construct_play_media_metadata(second, "Zweites")
    assert renderer.has_next_transport_uri
    events.clear()
    await renderer.async_set_next_transport_uri(second, "Zweites", metadata)
    await until("the next track's title by event", lambda: renderer.media_title == "Zweites")
    states = [value for event in events for name, value in event if name == "TransportState"]
    assert "STOPPED" not in states, states
    step("no STOPPED in the transition")
    await renderer.async_update()
    assert renderer.current_track_uri == second and renderer.av_transport_uri == second

    await renderer.async_stop()
    await until("STOPPED by event", lambda: renderer.transport_state == TransportState.STOPPED)

    # Refusals are UPnP faults.
    transport = device.service("urn:schemas-upnp-org:service:AVTransport:1")
    for arguments, code in (
        ({"InstanceID": 7}, 718),
        ({"InstanceID": 0, "Unit": "REL_TIME", "Target": "99:00:00"}, 711),
    ):
        action = transport.action("Seek" if "Unit" in arguments else "Stop")
        try:
            await action.async_call(**arguments)
            sys.exit(f"FAIL  {action.name} {arguments} was taken")
        except UpnpActionError as error:
            assert error.error_code == code, (arguments, error.error_code)
    step("faults 718 and 711")

    await renderer.async_unsubscribe_services()
    await server.async_stop_server()
    step("unsubscribed")


asyncio.run(main())
