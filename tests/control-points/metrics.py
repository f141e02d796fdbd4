"""Reads the player's /metrics with the parser of Prometheus' own library for Python, before and while a file plays.

Run by the `session` program, which gives TENUTO_LOCATION and TENUTO_URLS. Ends with status 1 at the first fault.
"""

import asyncio
import os
import sys
import time
import urllib.request
from urllib.parse import urljoin

from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from prometheus_client.parser import text_string_to_metric_families

LIMIT = 60


def metrics(place):
    with urllib.request.urlopen(urljoin(place, "/metrics"), timeout=LIMIT) as answer:
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for family in families.values():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        assert family.samples or family.name == "tenuto_tracks_failed", f"{family.name} has no sample"
    assert len(text) < 64 * 1024, f"{len(text)} bytes"
    return families


def value(families, name, **labels):
    found = [sample.value for sample in families[name].samples if sample.labels == labels]
    assert len(found) == 1, (name, labels, families[name].samples)
    return found[0]


async def main():
    place, track = os.environ["TENUTO_LOCATION"], os.environ["TENUTO_URLS"]
    before = metrics(place)
    assert value(before, "tenuto_transport_state", state="NO_MEDIA_PRESENT") == 1
    print(f"ok    {len(before)} families read", flush=True)
    device = await UpnpFactory(AiohttpRequester(timeout=LIMIT), non_strict=True).async_create_device(place)
    transport = device.service("urn:schemas-upnp-org:service:AVTransport:1")
    await transport.action("SetAVTransportURI").async_call(InstanceID=0, CurrentURI=track, CurrentURIMetaData="")
    await transport.action("Play").async_call(InstanceID=0, Speed="1")
    for _ in range(LIMIT * 10):
        now = metrics(place)
        if value(now, "tenuto_tracks_heard") == 1 and value(now, "tenuto_engine_wakeups") > 0:
            break
        time.sleep(0.1)
    else:
        sys.exit("FAIL  nothing was counted")
    assert value(now, "tenuto_audio_received_bytes") > 0
    buckets = [s.value for s in now["tenuto_engine_wakeup_lateness_seconds"].samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] > 0, buckets
    print("ok    what plays is counted", flush=True)


asyncio.run(main())
