"""Prints vectors.json: MRTMP frames made from the specification by Python's struct, hmac and
msgpack (python3 with msgpack 1.2.3: `PYTHONPATH=... python3 make_vectors.py > vectors.json`)."""
import hashlib
import hmac
import json
import struct

import msgpack

TYPES = dict(hello=1, welcome=2, proof=3, ready=4, refuse=5, bye=6, beat=8, ping=9, pong=10,
             call=0x10, reply=0x11, tell=0x12, open=0x20, credit=0x21, close=0x22, fetch=0x23,
             start=0x30, state=0x31, end=0x32, found=0x33, piece=0x34,
             frame=0x40, track=0x41, mark=0x42, anchor=0x43, data=0x44)


def frame(kind, body=b"", handle=0, flags=0):
    return struct.pack(">BBHII", TYPES[kind], flags, 0, handle, len(body)) + body


def base(seq, dts):
    return struct.pack(">dd", seq, dts)


def video(seq, dts, pts, track, data, handle=7, key=False):
    body = base(seq, dts) + struct.pack(">dB", pts, track) + data
    return frame("frame", body, handle, 1 if key else 0)


def track(seq, dts, number, codec, numbers, config, handle=7, replaced=False):
    body = base(seq, dts) + struct.pack(">BBddd", number, codec, *numbers) + config
    return frame("track", body, handle, 1 if replaced else 0)


def mark(seq, dts, segment, discontinuities, broken, handle=7):
    return frame("mark", base(seq, dts) + struct.pack(">dd", segment, discontinuities), handle,
                 1 if broken else 0)


def anchor(seq, dts, generation, wall, segment, part, window, handle=7):
    numbers = struct.pack(">ddddd", generation, wall, segment, part, window)
    return frame("anchor", base(seq, dts) + numbers, handle)


def data(seq, dts, name, payload, handle=7, of_video=False):
    text = name.encode()
    body = base(seq, dts) + struct.pack(">H", len(text)) + text + payload
    return frame("data", body, handle, 1 if of_video else 0)


VIDEO = dict(number=0, codec=0, numbers=(1280, 720, 29.97), config=bytes([1, 2, 3]))
AUDIO = dict(number=1, codec=0x40, numbers=(48000, 2, 0), config=bytes([0x11, 0x90]))
META = ("onMetaData", bytes.fromhex("02000a6f6e4d65746144617461"))
ANCHOR = (5, 0, 1767225600000, 1767225600000000.5, 2e6, 2e5, 6)

SECRET = b"a secret of the mesh"
HELLO = msgpack.packb(dict(
    versionMin=1, versionMax=1, caps=["a", "b"], mesh="test", node="n1",
    inc=1767225600000001, target="n2", targetInc=1767225600000002, channel="media",
    link=bytes(range(16)), nonce=bytes(range(32))))
WELCOME = msgpack.packb(dict(version=1, caps=["b"], node="n2", inc=1767225600000002,
                             nonce=bytes(range(32, 64))))


def mac(side):
    text = b"mrtmp " + side + b"\0"
    for part in (HELLO, WELCOME):
        text += struct.pack(">I", len(part)) + part
    return hmac.new(SECRET, text, hashlib.sha256).digest()


def packed(kind, value, handle=0):
    return frame(kind, msgpack.packb(value), handle)


VECTORS = dict(
    keyframe=video(4294967301, 40000, 80000, 0, b"\0\0\0\1\x65", key=True),
    frame_negative=video(6, -40000, -1, 3, b""),
    frame_fraction=video(6, 0.5, 9007199254740991, 0, b"\xff"),
    track_video=track(1, 0, **VIDEO),
    track_audio=track(2, 0, **AUDIO),
    track_last=track(3, 12, 15, 0x47, (44100, 6, 0), b""),
    track_replaced=track(4, 12, 1, 0x43, (8000, 1, 0), b"", replaced=True),
    track_derived=track(5, 12, 17, 0x40, (8000, 1, 0), b"\x15\x88"),
    mark=mark(8, 2000000, 883612800, 4, False),
    mark_broken=mark(8, 2000000, 883612801, 5, True),
    anchor=anchor(*ANCHOR),
    data_script=data(9, 100, *META),
    data_video=data(9, 100, "couleur \u00e9\U0001f600", b"\1\2", of_video=True),
    start=frame("start", struct.pack(">dd", 100, 900) + track(100, 0, **VIDEO, handle=0) +
                track(100, 0, **AUDIO, handle=0) + data(9, 100, *META, handle=0) +
                anchor(*ANCHOR, handle=0) + mark(100, 0, 17, 1, False, handle=0), 7),
    start_empty=frame("start", struct.pack(">dd", 0, 0), 1),
    state=packed("state", dict(state="live", epoch=1767225600000003, generation=1767225600004,
                               owner="n1", ingest="n2", startedAtMs=1767225600004.25,
                               replicas=["n3", "n1"]), 7),
    end_ended=packed("end", dict(reason="ended"), 7),
    end_refused=packed("end", dict(reason="refused", owner="n9"), 7),
    end_moved=packed("end", dict(reason="moved", owner="n9", epoch=12, seq=345), 7),
    open=packed("open", dict(app="live", name="caf\u00e9 {a}:*", mode="edge", epoch=12), 7),
    open_from=packed("open", dict(app="-", name="x", mode="any", epoch=0, **{"from": 345}), 7),
    credit=frame("credit", struct.pack(">I", 1048576), 7),
    close=frame("close", b"", 7),
    fetch=packed("fetch", dict(app="live", name="caf\u00e9/1", epoch=12,
                               file="1767225600004-883612800.m4s", query="", carry=""),
                 0x80000001),
    fetch_playlist=packed("fetch", dict(app="live", name="x", epoch=0, file="index.m3u8",
                                        query="_HLS_skip=YES", carry="token=a%20b"), 9),
    found=packed("found", dict(status=200, type="video/mp4", bytes=5, maxAge=31536000,
                               retryAfter=0, ended=False), 0x80000001),
    found_refusal=packed("found", dict(status=503, type="text/plain", bytes=0, maxAge=0,
                                       retryAfter=1, ended=True), 9),
    piece=frame("piece", b"\0\1\2\3\4", 0x80000001),
    ping=packed("ping", dict(t=1234.5, view=17, redisOk=True, lagMs=0.25)),
    bye=packed("bye", dict(reason="idle")),
    call=packed("call", dict(kind="stream", key="live/x", name="publish",
                             req=dict(a=[1, -2, None, 2.5], b=b"\0\1", c={}), token="t1",
                             timeoutMs=5000), 9),
    call_empty=packed("call", dict(kind="stream", key="live/x", name="describe", timeoutMs=1), 9),
    tell=packed("tell", dict(kind="node", key="n1", name="hint", req="x" * 40)),
    reply=packed("reply", dict(ok=True, value=[True, False, "\u00e9"]), 9),
    reply_void=packed("reply", dict(ok=True), 9),
    reply_failed=packed("reply", dict(ok=False, error="busy"), 9),
    reply_moved=packed("reply", dict(ok=False, error="not-owner", owner="n3"), 9),
    hello=frame("hello", HELLO),
    welcome=frame("welcome", mac(b"accept") + WELCOME),
    proof=frame("proof", mac(b"dial")),
    ready=frame("ready"),
    refuse=packed("refuse", dict(reason="secret")),
)
print(json.dumps({name: value.hex() for name, value in VECTORS.items()}, indent=2))
