"""Browses a media server that is not ours (minidlna), and has the renderer play what it finds there.

`media_server.py NAME`: NAME is the server's friendly name. Run by the `session` program.
"""

import asyncio
import os
import sys

from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpError
from async_upnp_client.profiles.dlna import DmrDevice, DmsDevice, TransportState
from async_upnp_client.search import async_search
from didl_lite import didl_lite

LIMIT = 60


async def server_named(name, factory, address):
    """Searches until the server is there."""
    for _ in range(LIMIT // 2):
        found = set()

        async def answered(headers):
            found.add(headers["location"])

        await async_search(answered, timeout=2, search_target=DmsDevice.DEVICE_TYPES[0], source=(address, 0))
        for location in found:
            try:
                device = await factory.async_create_device(location)
            except UpnpError:
                continue
            if device.friendly_name == name:
                return DmsDevice(device, None)
    sys.exit(f"FAIL  no media server named {name}")


async def tracks(server, container="0"):
    """All audio items, wherever they are; a server that still reads its files has fewer."""
    found = {}
    result = await server.async_browse_direct_children(container)
    for entry in result.result:
        if isinstance(entry, didl_lite.MusicTrack) or entry.upnp_class.startswith("object.item.audioItem"):
            found[entry.title] = entry
        elif isinstance(entry, didl_lite.Container):
            found.update(await tracks(server, entry.id))
    return found


async def main():
    address = os.environ["TENUTO_ADDRESS"]
    requester = AiohttpRequester(timeout=LIMIT)
    factory = UpnpFactory(requester, non_strict=True)
    server = await server_named(sys.argv[1], factory, address)
    for _ in range(LIMIT):
        found = await tracks(server)
        if len(found) >= 2:
            break
        await asyncio.sleep(1)
    assert len(found) >= 2, found
    print(f"ok    browsed: {', '.join(sorted(found))}", flush=True)

    events = AiohttpNotifyServer(requester, source=(address, 0))
    await events.async_start_server()
    device = await factory.async_create_device(os.environ["TENUTO_LOCATION"])
    renderer = DmrDevice(device, events.event_handler)
    await renderer.async_subscribe_services()
    for title, track in sorted(found.items()):
        uri = track.res[0].uri
        seen = []
        renderer.on_event = lambda service, variables: seen.append(renderer.transport_state)
        await renderer.async_set_transport_uri(uri, title, didl_lite.to_xml_string(track).decode())
        await renderer.async_wait_for_can_play()
        await renderer.async_play()
        for _ in range(LIMIT * 20):
            if TransportState.PLAYING in seen and renderer.transport_state == TransportState.STOPPED:
                break
            await asyncio.sleep(0.05)
        else:
            sys.exit(f"FAIL  {title}: {seen}")
        transport = device.service("urn:schemas-upnp-org:service:AVTransport:1")
        told = await transport.action("GetTransportInfo").async_call(InstanceID=0)
        assert told["CurrentTransportStatus"] == "OK", (title, told)
        print(f"ok    played {title} from {uri}", flush=True)
    await renderer.async_unsubscribe_services()
    await events.async_stop_server()


asyncio.run(main())
