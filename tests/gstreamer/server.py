"""An RTSP server with TLS and digest authentication: GStreamer's, for the system's Python.

Usage: server.py CERTIFICATE KEY CODE; writes its port and then serves until stdin ends.
"""

import sys
import threading

import gi  # type: ignore[import-not-found, unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found, unused-ignore]  # noqa: E402
    Gio,
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,"
    "framerate=15/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15"
    " ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def main() -> None:
    """Serve."""
    certificate, key, code = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    role = "viewer"
    permissions = GstRtspServer.RTSPPermissions.new()
    for name in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(role, name, True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/streaming/live/1", factory)

    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(certificate, key))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    auth.add_digest("bblp", code, token)
    server.set_auth(auth)

    server.attach(None)
    loop = GLib.MainLoop()
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.quit()), daemon=True
    ).start()
    loop.run()


if __name__ == "__main__":
    main()
