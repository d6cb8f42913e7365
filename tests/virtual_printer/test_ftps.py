"""The file server: both personalities, and what can be made to go wrong."""

import asyncio
import ftplib
import hashlib
import os
import shutil
import socket
import ssl
import time
import tracemalloc

import pytest

from virtual_printer import VirtualPrinter

from .ftps_client import Client, drain, flood, session

BIG = "X1C"
SMALL = "P1S"
MEGABYTE = 1 << 20


@pytest.fixture
async def printer(socket_enabled, request):
    model = getattr(request, "param", BIG)
    async with VirtualPrinter(model, autostart_reports=False) as vp:
        yield vp


def both(test):
    return pytest.mark.parametrize("printer", [BIG, SMALL], indirect=True)(test)


def small(test):
    return pytest.mark.parametrize("printer", [SMALL], indirect=True)(test)


async def run(work, *arguments):
    return await asyncio.to_thread(work, *arguments)


@both
async def test_up_and_down_and_what_it_counts(printer):
    content = os.urandom(3 * MEGABYTE + 17)
    printer.faults.ftps_no_226 = False

    def work():
        with session(printer) as client:
            client.send("/new.bin", content)
            assert client.size("/new.bin") == len(content)
            return client.fetch("RETR /new.bin")

    assert await run(work) == content
    assert (printer.card / "new.bin").read_bytes() == content
    counted = printer.ftps
    assert counted.bytes_received == counted.bytes_sent == len(content)
    assert counted.transfers == counted.reused_sessions == 2
    assert counted.logins == counted.connections == 1
    assert counted.count("RETR") == 1
    assert "PASS ****" in counted.commands
    assert not any(printer.access_code in command for command in counted.commands)
    counted.reset()
    assert not counted.commands


@pytest.mark.parametrize(
    ("model", "banner"),
    [
        *((model, "vsFTPd") for model in ("X1C", "X1E", "P2S", "H2D", "H2C", "X2D")),
        *((model, "220 BBL-P003 FTP Server") for model in ("P1P", "A1 mini", "A2L")),
    ],
)
async def test_banner(socket_enabled, model, banner):
    async with VirtualPrinter(model, autostart_reports=False) as vp:
        client = Client(vp)
        assert banner in await run(client.open)
        client.close()


async def test_only_tls_1_2(printer):
    def work(version):
        client = Client(printer)
        client.context.maximum_version = ssl.TLSVersion.TLSv1_3
        client.context.minimum_version = version
        client.open()
        negotiated = client.sock.version()
        client.close()
        return negotiated

    assert await run(work, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        await run(work, ssl.TLSVersion.TLSv1_3)


@both
async def test_wrong_code(printer):
    def work(code):
        client = Client(printer)
        try:
            client.enter(code)
        finally:
            client.close()

    with pytest.raises(ftplib.error_perm, match="530"):
        await run(work, "wrong")
    printer.change_access_code("87654321")
    with pytest.raises(ftplib.error_perm, match="530"):
        await run(work, "12345678")
    await run(work, "87654321")
    printer.faults.ftps_refuse_login = True
    with pytest.raises(ftplib.error_perm, match="530"):
        await run(work, "87654321")


async def test_nothing_without_login(printer):
    def work():
        client = Client(printer)
        client.open()
        codes = [client.code(command) for command in ("PWD", "PASV", "SIZE /x")]
        client.close()
        return codes

    assert await run(work) == [530, 530, 530]


async def test_session_must_be_reused(printer):
    def work():
        with session(printer, reuse=False) as client:
            with client.transfercmd("LIST /") as data:
                assert not data.recv(100)
            with pytest.raises(ftplib.error_perm, match="522"):
                client.voidresp()
            client.reuse = True
            assert client.lines("LIST /")

    await run(work)


async def test_session_of_another_control_connection_does_not_count(printer):
    def work():
        with session(printer) as one, session(printer) as other:
            assert other.lines("NLST /")
            other.context = one.context  # the ssl module insists on that
            plain, _ = ftplib.FTP.ntransfercmd(other, "LIST /")
            with one.context.wrap_socket(plain, session=one.sock.session) as data:
                assert not data.session_reused
            with pytest.raises(ftplib.error_perm, match="522"):
                other.voidresp()

    await run(work)


async def test_session_reuse_can_be_waived(socket_enabled):
    def work(vp):
        with session(vp, reuse=False) as client:
            assert client.lines("LIST /")

    for model, required in ((BIG, False), (SMALL, True)):
        async with VirtualPrinter(
            model, autostart_reports=False, require_session_reuse=required
        ) as vp:
            await run(work, vp)
            assert vp.ftps.reused_sessions == 0


async def test_tls_of_data_starts_after_the_reply(printer):
    def work():
        with session(printer) as client:
            host, port = client.makepasv()
            plain = socket.create_connection((host, port), timeout=0.2)
            with plain, pytest.raises(TimeoutError):
                client.context.wrap_socket(plain, session=client.sock.session)

    await run(work)


@pytest.mark.parametrize(("model", "code"), [(BIG, 522), (SMALL, 431)])
async def test_data_must_be_protected(socket_enabled, model, code):
    def work(vp):
        client = Client(vp)
        client.open()
        client.sendcmd("USER bblp")
        client.sendcmd(f"PASS {vp.access_code}")
        assert client.code("LIST") == 425
        client.sendcmd("PASV")
        answer = client.code("LIST")
        client.close()
        return answer

    async with VirtualPrinter(model, autostart_reports=False) as vp:
        assert await run(work, vp) == code


async def test_large_server(printer):
    """What vsFTPd can do."""

    def work():
        with session(printer) as client:
            assert client.pwd() == "/"
            assert client.mkd("/box") == "/box"
            assert client.code("MKD /box") == 550
            client.send("/box/a b.txt", b"0123456789")
            assert client.fetch("RETR /box/a b.txt", 7) == b"789"
            assert client.fetch("RETR /box/a b.txt") == b"0123456789"
            assert client.cwd("/box").startswith("250")
            assert client.pwd() == "/box"
            assert client.size("a b.txt") == 10
            assert client.nlst() == ["a b.txt"]
            assert client.nlst("/box") == ["/box/a b.txt"]
            assert client.code("SIZE /box") == 550
            assert client.code("RMD /box") == 550
            assert client.rename("a b.txt", "/moved.txt").startswith("250")
            assert client.code("RMD /box") == 250
            assert client.code("RNTO /x") == 503
            assert client.sendcmd("MDTM /moved.txt")[4:].isdecimal()
            assert client.code("DELE /moved.txt") == 250
            assert client.code("DELE /moved.txt") == 550
            assert client.code("MLSD /") == client.code("PORT 1,2,3,4,5,6") == 500
            assert "UTF8" in client.sendcmd("FEAT")
            assert client.sendcmd("EPSV").startswith("229")
            assert client.sendcmd("PASV").startswith(
                "227 Entering Passive Mode (0,0,0,0"
            )
            assert client.code("CWD /nowhere") == 550
            assert client.lines("LIST /nowhere") == []
            assert not any(" ._" in line for line in client.lines("LIST /"))
            assert any(" ._" in line for line in client.lines("LIST -a /"))

    await run(work)


@small
async def test_small_server(printer):
    """What BBL-P003 cannot do."""

    def work():
        with session(printer) as client:
            assert client.sendcmd("PWD") == "257 /"
            for command in ("REST 1", "EPSV", "FEAT", "MLSD /", "OPTS UTF8 ON"):
                assert client.code(command) == 502
            for command in ("MKD /a", "RMD /cache", "RNFR /verify_job"):
                assert client.code(command) == 502
            assert client.sendcmd("SIZE /cache") == "213 0"
            assert client.size("/verify_job") == 2
            assert "127,0,0,1" in client.sendcmd("PASV")
            assert client.code("LIST -la") == client.code("LIST /verify_job") == 550
            assert client.code("LIST /model") == 550
            assert any(
                line.endswith(".avi") for line in client.lines("NLST /timelapse")
            )
            assert client.code("DELE /verify_job") == 250

    await run(work)


async def test_folders_of_the_small_server_can_be_allowed(socket_enabled):
    def work(vp):
        with session(vp) as client:
            return [client.code("MKD /a"), client.code("RMD /a")]

    async with VirtualPrinter("A1", autostart_reports=False, ftps_folders=True) as vp:
        assert await run(work, vp) == [257, 250]


@small
async def test_small_server_forgets_the_end_of_an_upload(printer):
    def work():
        with session(printer) as client:
            client.send("/new.bin", b"x" * 1000, answered=False)
            # The next reply is the one to the next command.
            assert client.size("/new.bin") == 1000
            with client.transfercmd("STOR /other.bin") as data:
                data.sendall(b"y" * 10)
                data.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    data.unwrap()
            assert client.size("/other.bin") == 10

    await run(work)


@both
async def test_given_up_download(printer):
    printer.add_file("big.bin", bytes(8 * MEGABYTE))

    def work():
        with session(printer) as client:
            with client.transfercmd("RETR /big.bin") as data:
                data.recv(1000)
            if "vsFTPd" in client.welcome:
                with pytest.raises(ftplib.error_temp, match="426"):
                    client.voidresp()
                return client.pwd()
            with pytest.raises((EOFError, OSError)):
                client.voidresp()
            return None

    await run(work)
    assert printer.ftps.bytes_sent < 2 * MEGABYTE
    # The printer goes on.
    await run(lambda: session(printer).__enter__().close())


async def test_one_transfer_at_a_time(printer):
    printer.add_file("big.bin", bytes(8 * MEGABYTE))

    def work():
        with session(printer) as one, session(printer) as two:
            with one.transfercmd("RETR /big.bin"):
                two.sendcmd("PASV")
                code = two.code("LIST /")
            with pytest.raises(ftplib.error_temp):
                one.voidresp()
            assert two.lines("LIST /")
            return code

    assert await run(work) == 425


@both
async def test_list_format(printer):
    path = printer.add_file("with  two spaces.txt", b"12345")
    os.utime(path, (1_600_000_000, 1_600_000_000))

    def work():
        with session(printer) as client:
            return client.lines("LIST /")

    lines = await run(work)
    fields = {line.split(None, 8)[8]: line.split(None, 8) for line in lines}
    assert fields["with  two spaces.txt"][4:8] == ["5", "Sep", "13", "2020"]
    assert fields["cache"][0] == "drwxr-xr-x"
    assert ":" in fields["verify_job"][7]
    assert fields["verify_job"][0] == "-rw-r--r--"


@both
async def test_nothing_leads_out_of_the_card(printer):
    def work():
        with session(printer) as client:
            assert client.code("SIZE /../../../etc/passwd") == 550
            assert client.code("CWD ../..") == 250
            assert client.code("CWD cache/../../..") == 250
            assert client.code("DELE /") == 550
            client.sendcmd("PASV")
            for name in ("a:b", "a?", "dot.", "x" * 300, "/"):
                assert client.code(f"STOR {name}") == 553
            assert client.code("STOR /nowhere/x") == 553

    await run(work)


@both
async def test_without_a_card(socket_enabled, printer):
    async with VirtualPrinter(
        printer.model, autostart_reports=False, storage=False
    ) as vp:

        def work():
            with session(vp) as client:
                assert client.lines("LIST /") == []
                assert client.code("SIZE /verify_job") == 550
                client.sendcmd("PASV")
                return client.code("STOR /x")

        assert await run(work) == 553
        assert vp.report["home_flag"] >> 8 & 3 == 0
        with pytest.raises(RuntimeError):
            assert vp.card


async def test_full_card(printer):
    printer.faults.ftps_full = MEGABYTE

    def work():
        with session(printer) as client:
            data = client.transfercmd("STOR /x.bin")
            with data, pytest.raises(OSError):  # noqa: PT011 - however it breaks
                flood(data, 64)
            with pytest.raises(ftplib.error_perm, match="552"):
                client.voidresp()
            assert client.size("/x.bin") <= MEGABYTE
            client.send("/y.bin", b"fits")
            printer.faults.ftps_full = 0
            client.sendcmd("PASV")
            assert client.code("STOR /z.bin") == 552
            assert client.code("MKD /z") == 550

    await run(work)


@both
async def test_dropped_after_bytes(printer):
    printer.add_file("big.bin", bytes(4 * MEGABYTE))
    printer.faults.ftps_drop_after = MEGABYTE

    def download():
        with session(printer) as client:
            return client.fetch("RETR /big.bin")

    with pytest.raises(OSError):  # noqa: PT011
        await run(download)
    assert printer.ftps.bytes_sent == MEGABYTE
    printer.faults.ftps_drop_control = False

    def data_only():
        with session(printer) as client:
            data = client.transfercmd("RETR /big.bin")
            with data, pytest.raises(OSError):  # noqa: PT011
                drain(data)
            if "vsFTPd" in client.welcome:
                assert client.code("NOOP") == 426
                assert client.getresp().startswith("200")

    await run(data_only)
    printer.faults.ftps_drop_after = None
    assert len(await run(download)) == 4 * MEGABYTE


async def test_dropped_at_a_command(printer):
    printer.faults.ftps_drop_after = "SIZE"

    def work():
        with session(printer) as client:
            assert client.pwd() == "/"
            with pytest.raises((EOFError, OSError)):
                client.size("/verify_job")

    await run(work)


async def test_slow(printer):
    printer.add_file("x.bin", bytes(100_000))
    printer.faults.ftps_slow = 400_000
    start = time.monotonic()

    def work():
        with session(printer) as client:
            return client.fetch("RETR /x.bin")

    assert len(await run(work)) == 100_000
    assert 0.2 < time.monotonic() - start < 2


async def test_no_226_and_no_rest(printer):
    printer.faults.ftps_no_226 = True
    printer.faults.ftps_no_rest = True

    def work():
        with session(printer) as client:
            assert client.code("REST 1") == 502
            client.send("/x.bin", b"abc", answered=False)
            client.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.voidresp()

    await run(work)


async def test_silent(printer):
    printer.faults.ftps_silent = True

    def work():
        client = Client(printer)
        with socket.create_connection((printer.host, printer.ftps_port)) as plain:
            plain.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.context.wrap_socket(plain)

    await run(work)


async def test_power_off_and_restart(printer):
    printer.add_file("big.bin", bytes(64 * MEGABYTE))
    printer.faults.ftps_slow = 2 * MEGABYTE
    loop = asyncio.get_running_loop()

    def work():
        with session(printer) as client:
            with client.transfercmd("RETR /big.bin") as data:
                data.recv(1000)
                port = printer.ftps_port
                asyncio.run_coroutine_threadsafe(printer.power_off(), loop).result(5)
                with pytest.raises(OSError):  # noqa: PT011
                    drain(data)
            with pytest.raises(ConnectionRefusedError):
                Client(printer).open()
            asyncio.run_coroutine_threadsafe(printer.power_on(), loop).result(5)
            assert printer.ftps_port == port

    await run(work)
    # The card was not in the way.
    assert (printer.card / "big.bin").exists()
    await printer.restart(new_certificate=True)
    printer.faults.ftps_slow = None

    def again():
        with session(printer) as client:
            return client.size("/big.bin")

    assert await run(again) == 64 * MEGABYTE


async def test_the_card_goes_with_the_printer_unless_kept(socket_enabled, tmp_path):
    async with VirtualPrinter(autostart_reports=False) as vp:
        assert vp._card is not None
        assert not vp._card.used
        folder = vp.card
        assert folder.is_dir()
    assert not folder.exists()
    for _ in range(2):
        async with VirtualPrinter(autostart_reports=False, storage_dir=tmp_path) as vp:
            (vp.card / "verify_job").unlink(missing_ok=True)
    assert (tmp_path / "cache").is_dir()
    assert not (tmp_path / "verify_job").exists()


async def test_large_files_do_not_fill_the_memory_or_stop_the_loop(printer):
    printer.add_file("big.bin", b"")
    with (printer.card / "big.bin").open("r+b") as file:
        file.truncate(100 * MEGABYTE)
    longest, last = 0.0, time.monotonic()

    async def watch():
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    def work():
        with session(printer) as client:
            block, total = bytearray(MEGABYTE), 0
            with client.transfercmd("RETR /big.bin") as data:
                while count := data.recv_into(block):
                    total += count
            client.voidresp()
            with client.transfercmd("STOR /copy.bin") as data:
                for _ in range(100):
                    data.sendall(block)
            client.voidresp()
            return total

    watcher = asyncio.create_task(watch())
    tracemalloc.start()
    try:
        assert await run(work) == 100 * MEGABYTE
        assert tracemalloc.get_traced_memory()[1] < 5 * MEGABYTE
    finally:
        tracemalloc.stop()
        watcher.cancel()
    assert (printer.card / "copy.bin").stat().st_size == 100 * MEGABYTE
    assert longest < 0.5


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@both
async def test_curl(printer, tmp_path):
    printer.faults.ftps_no_226 = False
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(20 * MEGABYTE))
    url = f"ftps://{printer.host}:{printer.ftps_port}/via_curl.bin"
    common = (
        "--silent",
        "--show-error",
        "--insecure",
        "--ssl-reqd",
        "--max-time",
        "20",
    )
    user = ("--user", f"bblp:{printer.access_code}")
    for action in (("--upload-file", source), ("--output", target)):
        process = await asyncio.create_subprocess_exec(
            "curl", *common, *user, *action, url, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
    digest = hashlib.sha256(source.read_bytes()).digest()
    assert hashlib.sha256(target.read_bytes()).digest() == digest
