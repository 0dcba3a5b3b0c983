"""``irodori app [PHOTO]``: start the editor's server on this machine and open the page."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irodori.argument_types import whole
from irodori.errors import PhotoError, SettingsError

if TYPE_CHECKING:
    from irodori.web.editor import Editor, EditorSettings
    from irodori.web.security import Access

PORT = 8000
_PORTS_TRIED = 50
_GRACE = 5  # seconds that requests under way may take when the server is told to stop
_THREADS = 4  # per answer; more cores answer more sessions at once instead


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori app``."""
    parser.description = (
        "Start the editor on this machine and open it in the browser. Photographs and edits are kept in the user's"
        " data folder (or in $IRODORI_DATA) and never leave this machine."
    )
    parser.add_argument("photo", nargs="?", type=Path, metavar="PHOTO", help="a photograph or .irodori file to open")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page, only print its address")
    parser.add_argument("--model", metavar="NAME|PATH", help="the model for new photographs (default: our own)")
    parser.add_argument("--threads", type=whole(1, 1024), metavar="N", help="CPU threads per answer")
    server = parser.add_argument_group("server")
    server.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; any but this machine's own asks for a token"
    )
    server.add_argument(
        "--port", type=whole(0, 65535), default=PORT, help=f"port (default {PORT}, or the next free one); 0: any"
    )
    server.add_argument("--token", action="store_true", help="ask for a token on this machine too")
    server.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="host name of a proxy in front; repeatable"
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument("--data", type=Path, metavar="FOLDER", help="where sessions are kept (default: the user's)")
    limits.add_argument("--max-upload", type=whole(1, 1 << 16), default=1024, metavar="MIB", help="default 1024")
    limits.add_argument("--max-pixels", type=whole(1, 1 << 20), default=300, metavar="MEGAPIXELS", help="default 300")
    limits.add_argument(
        "--memory", type=whole(64, 1 << 20), default=1536, metavar="MIB", help="for open photographs; default 1536"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; 0 after a graceful end."""
    import logging

    from irodori.data_folder import data_folder
    from irodori.web.app import create_app
    from irodori.web.session_store import SessionStore

    logging.basicConfig(level=logging.WARNING, format="irodori: %(message)s")
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # its warnings are about odd photographs, not for the terminal
    if arguments.photo is not None and not arguments.photo.is_file():
        raise PhotoError(f"{arguments.photo}: there is no such file")
    with _listen(arguments.host, arguments.port) as listener:
        port = int(listener.getsockname()[1])
        if arguments.port not in (0, port):
            _say(f"port {arguments.port} is busy, so port {port} is used", sys.stderr)
        access = _access(arguments, port)
        folder = arguments.data if arguments.data is not None else data_folder()
        try:
            store = SessionStore(folder / "editor")
        except OSError as error:
            raise SettingsError(f"the data folder {folder} cannot be used ({error.strerror or error})") from None
        guard = create_app(store, _settings(arguments), access)
        editor: Editor = guard.app.state.editor  # type: ignore[attr-defined]
        try:
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(_serve(guard, editor, listener, arguments, access))
        finally:
            editor.close()
    return 0


async def _serve(
    guard: Any, editor: Editor, listener: socket.socket, arguments: argparse.Namespace, access: Access
) -> None:
    import uvicorn

    from irodori.web.previews import WEBSOCKET_OPTIONS

    await editor.opening(lambda: editor.colorizer(editor.model_name(None)))  # a missing model is told at once
    fragment = ""
    if arguments.photo is not None:
        upload = editor.store.incoming()
        try:
            await asyncio.to_thread(shutil.copyfile, arguments.photo, upload)
        except OSError as error:
            raise PhotoError(f"{arguments.photo} cannot be opened ({error.strerror or error})") from None
        identity, _ = await editor.open_file(upload, arguments.photo.name, None, True)
        fragment = f"#{identity}"
    config = uvicorn.Config(
        guard,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=bool(arguments.allow_host),
        timeout_graceful_shutdown=_GRACE,
        **WEBSOCKET_OPTIONS,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        address = _address(arguments.host, int(listener.getsockname()[1]), access.token) + fragment
        _say(f"the editor is at {address}", sys.stdout)
        _say("stop it with Ctrl-C", sys.stdout)
        if not arguments.no_browser:
            await asyncio.to_thread(_open_browser, address)
    await serving


def _settings(arguments: argparse.Namespace) -> EditorSettings:
    from irodori.web.editor import EditorSettings

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = arguments.threads or min(cores, _THREADS)
    return EditorSettings(
        model=arguments.model,
        threads=threads,
        workers=max(1, cores // threads),
        memory=arguments.memory << 20,
        max_pixels=arguments.max_pixels * 1_000_000,
    )


def _access(arguments: argparse.Namespace, port: int) -> Access:
    """Who is let in: everybody on this machine, or whoever has the token."""
    from irodori.web.security import LOOPBACK, Access, is_loopback, new_token

    local = is_loopback(arguments.host)
    names = {name.lower().rstrip(".") for name in arguments.allow_host}
    if not local:
        names |= {arguments.host.lower(), socket.gethostname().lower()}
    wanted = not local or arguments.token or bool(arguments.allow_host)
    return Access(
        hosts=LOOPBACK | names,
        addresses=not local,
        token=new_token() if wanted else None,
        cookie=f"irodori_token_{port}",
        upload_limit=arguments.max_upload << 20,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket on ``port`` or, when that is busy, on the next free one.

    Raises SettingsError when the address is not this machine's, or no port is free.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
    except OSError:
        raise SettingsError(f"--host: expected an address of this machine, got {host!r}") from None
    for number in range(port, min(port + _PORTS_TRIED, 65536)) if port else [0]:
        # With the protocol named asyncio sends without delay (TCP_NODELAY); else small answers take 40 ms more.
        listener = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
        if os.name == "posix":  # a restarted server takes its port back at once; elsewhere this would share it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((place[0], number, *place[2:]))
            listener.listen(128)
            return listener
        except PermissionError as error:
            listener.close()
            raise SettingsError(f"--port: this user may not listen on port {number} ({error.strerror})") from None
        except OSError as error:
            listener.close()
            import errno

            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"cannot listen on {host} port {number} ({error.strerror or error})") from None
    raise SettingsError(f"ports {port} to {port + _PORTS_TRIED - 1} are all busy; choose another one with --port")


def _address(host: str, port: int, token: str | None) -> str:
    """The address for the browser; a server that listens everywhere is reached by this machine's name."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname().lower()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _open_browser(address: str) -> None:
    """Open the page, unless there is no screen: a browser for the terminal would take the terminal over."""
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def _say(text: str, stream: Any) -> None:
    stream.write(f"irodori: {text}\n")
    stream.flush()
