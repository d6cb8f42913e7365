"""Closing a listener without losing sight of those who are just coming in."""

import asyncio


async def stop_listening(server: asyncio.Server) -> None:
    """Take no more clients; whoever was taken already is the server's to hang up on.

    A server of asyncio that is closed between taking a client and making the transport for
    it fails to make that one, and leaves the socket to the garbage collector.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener)
    # Transports are made in a task each, which was started when the client was taken.
    await asyncio.sleep(0)
    server.close()
