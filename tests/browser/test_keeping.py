"""Nothing is lost: killed servers, second tabs, exports that look like the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from irodori.color import lab
from irodori.photo import read_photo
from tests.browser.running import Server, click, fitted, open_photo, saved, session_of, shown, type_colour

pytestmark = pytest.mark.browser


def test_a_killed_server_loses_nothing(
    page: Page, photo: Path, tmp_path: Path, tiny_model: Path, copy_of: Callable[[Path], Path]
) -> None:
    server = Server(tmp_path, tiny_model)
    try:
        open_photo(page, server.address, copy_of(photo))
        shown(page, lambda: click(page, 0.4, 0.5))
        saved(page)
        server.kill()
        type_colour(page, "#b03030")
        expect(page.locator("#save-status")).to_have_attribute("data-status", "lost")
        expect(page.locator(".message[data-key=connection]")).to_contain_text("irodori app")
        assert page.locator(".message[data-key=connection] use").evaluate("(it) => it.getBBox().width") > 0, "an icon"
        type_colour(page, "#2050a0")

        def restart() -> None:
            server.start()
            expect(page.locator(".message[data-key=connection]")).to_contain_text("back")  # it goes away by itself

        shown(page, restart)
        saved(page)
        state = server.state(page)
        assert state["revision"] == 4, "both changes arrived, each as a step of its own"
        assert state["edits"]["hints"][0]["ab"][1] < -20
    finally:
        server.stop()


def test_changes_survive_a_page_that_is_closed_while_the_server_is_away(
    page: Page, photo: Path, tmp_path: Path, tiny_model: Path, copy_of: Callable[[Path], Path]
) -> None:
    server = Server(tmp_path, tiny_model)
    try:
        open_photo(page, server.address, copy_of(photo))
        shown(page, lambda: click(page, 0.4, 0.5))
        saved(page)
        address = page.url
        server.kill()
        type_colour(page, "#b03030")
        expect(page.locator("#save-status")).to_have_attribute("data-status", "lost")
        page.goto("about:blank")
        server.start()
        page.goto(address)
        expect(page.locator(".message").first).to_contain_text("brought back")
        saved(page)
        assert server.state(page)["edits"]["hints"][0]["ab"][0] > 30
    finally:
        server.stop()


def test_a_full_disk_is_told_and_the_change_is_sent_when_there_is_room(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)

    def full(route: Route) -> None:
        route.fulfill(status=507, json={"error": "The disk is full, so nothing was changed; make room and try again."})

    opened.route("**/edits?commit=1*", full)
    type_colour(opened, "#2050a0")
    expect(opened.locator("#save-status")).to_have_text("Not saved yet")
    message = opened.locator(".message[data-key=stuck]")
    expect(message).to_contain_text("disk is full")
    expect(opened.locator(".message[data-key=connection]")).to_have_count(0)  # the server is there
    with opened.expect_response(lambda answer: answer.status == 507):
        message.get_by_role("button", name="Try again").click()
    expect(message).to_contain_text("disk is full")
    opened.unroute("**/edits?commit=1*")
    shown(opened, message.get_by_role("button", name="Try again").click)
    saved(opened)
    expect(message).to_have_count(0)
    state = server.state(opened)
    assert state["revision"] == 3
    assert state["edits"]["hints"][0]["ab"][1] < -20


def test_a_failed_export_is_told_inside_its_dialog(opened: Page) -> None:
    opened.route("**/picture?size=full*", lambda route: route.fulfill(status=507, json={"error": "The disk is full."}))
    opened.keyboard.press("Control+e")
    opened.locator("#export-save").click()
    message = opened.get_by_role("dialog").locator(".message-error")
    expect(message).to_contain_text("disk is full")
    message.get_by_role("button").click()  # not behind the dialog's veil
    opened.keyboard.press("Escape")
    expect(opened.locator("body > #messages")).to_have_count(1)


def test_two_tabs_end_in_a_choice_not_in_a_loss(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    other = opened.context.new_page()
    other.goto(opened.url)
    expect(other.locator("#save-status")).to_have_text("Saved")
    other.locator("#overlay").focus()
    other.keyboard.press(".")
    type_colour(other, "#b03030")
    saved(other)
    theirs = server.state(other)
    type_colour(opened, "#2050a0")
    dialog = opened.get_by_role("dialog")
    expect(dialog).to_contain_text("changed in another window")
    assert server.state(opened) == theirs, "nothing is written before the choice"
    for _ in range(3):
        opened.keyboard.press("Escape")
        expect(dialog).to_contain_text("changed in another window")  # no choice is no answer
    shown(opened, dialog.get_by_role("button", name="Keep mine").click)
    saved(opened)
    assert server.state(opened)["edits"]["hints"][0]["ab"][1] < -20
    shown(opened, lambda: opened.keyboard.press("Control+z"))
    assert server.state(opened)["edits"] == theirs["edits"], "the other version is one undo away"


def test_the_exported_file_looks_like_the_page(opened: Page, server: Server, tmp_path: Path, artefacts: Path) -> None:
    for x, y, colour in ((0.3, 0.4, "#c8643c"), (0.62, 0.6, "#2850a0"), (0.5, 0.2, "#80c060")):
        shown(opened, lambda x=x, y=y: click(opened, x, y))
        shown(opened, lambda colour=colour: type_colour(opened, colour))
    saved(opened)
    opened.keyboard.press("Escape")
    opened.locator("#overlay").focus()
    opened.keyboard.press("x")
    page_picture = _picture_on(opened, artefacts / "preview.png")

    opened.locator("[data-command=export]").click()
    opened.screenshot(path=artefacts / "export.png")
    with opened.expect_download() as waiting:
        opened.locator("#export-save").click()
    target = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(target)
    exported = read_photo(target)
    assert exported.size == (1100, 1500)
    assert target.suffix == ".png"

    height, width = page_picture.shape[:2]
    small = pyvips.Image.new_from_array(exported.pixels).resize(width / 1500, vscale=height / 1100, kernel="linear")
    difference = lab.to_lab(page_picture) - lab.to_lab(small.numpy()[:height, :width])
    error = np.sqrt((difference**2).sum(axis=-1))
    assert error.mean() < 1, f"mean ΔE {error.mean():.3f}"
    chroma = np.hypot(*np.moveaxis(lab.to_lab(page_picture)[..., 1:], -1, 0))
    assert chroma.mean() > 5, "the page shows colours"


def _picture_on(page: Page, path: Path) -> np.ndarray:
    """What the canvas shows of the fitted photo: ``(height, width, 3)`` uint8."""
    scale, left, top = fitted(page, 1500, 1100)
    page.mouse.move(2, 2)
    page.wait_for_timeout(500)
    clip = {"x": round(left), "y": round(top), "width": round(1500 * scale), "height": round(1100 * scale)}
    page.evaluate("document.querySelector('.zoombar').hidden = true")
    page.screenshot(path=path, clip=clip)
    pixels: np.ndarray = pyvips.Image.new_from_file(str(path)).numpy()[..., :3]
    return pixels


def test_layer_project_and_clipboard(browser: Browser, opened: Page, server: Server, tmp_path: Path) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    for button, suffix in (("#export-layer", ".png"), ("#export-project", ".irodori")):
        opened.keyboard.press("Control+e")
        with opened.expect_download() as waiting:
            opened.locator(button).click()
        target = tmp_path / f"saved{suffix}"
        waiting.value.save_as(target)
        assert Path(waiting.value.suggested_filename).suffix == suffix
    session = session_of(opened)
    shown(opened, lambda: opened.locator("#file-input").set_input_files(tmp_path / "saved.irodori"))
    assert session_of(opened) != session, "a project opens as a photo of its own"
    assert len(server.state(opened)["edits"]["hints"]) == 1
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.locator("[data-command=copy]").click()
    expect(opened.locator(".message[data-key=copy]")).to_contain_text("is on the clipboard")
    kinds = opened.evaluate("navigator.clipboard.read().then((items) => items[0].types)")
    assert kinds == ["image/png"]
    size = opened.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const picture = await createImageBitmap(await item.getType("image/png"));
            return [picture.width, picture.height];
        }"""
    )
    assert size == [1500, 1100], "the whole picture, not the screen's"


def test_a_photo_deleted_elsewhere_is_told(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    opened.evaluate(f"fetch('/api/sessions/{session_of(opened)}', {{ method: 'DELETE' }})")
    type_colour(opened, "#2050a0")
    expect(opened.locator(".message-error")).to_contain_text("deleted elsewhere")
    expect(opened.locator("body")).to_have_attribute("data-screen", "start")


CACHED = """(path) => fetch(path, { cache: "only-if-cached", mode: "same-origin" }).then((it) => it.ok, () => false)"""


def test_a_deleted_photo_leaves_the_browser_s_cache_too(opened: Page) -> None:
    session = session_of(opened)
    piece = f"/api/sessions/{session}/lightness?long_side=64"
    assert opened.evaluate("(path) => fetch(path).then((it) => it.arrayBuffer()).then(() => true)", piece)
    assert opened.evaluate(CACHED, piece), "it was kept"
    opened.locator("#menu-button").click()
    opened.locator("[data-menu=remove]").click()
    opened.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(opened.locator("body")).to_have_attribute("data-screen", "start")
    assert not opened.evaluate(CACHED, piece)


def test_a_page_is_chosen_and_its_tones_are_evened_out(page: Page, server: Server, tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.tile(np.linspace(90, 150, 300), (h, 1)).astype(np.uint8)) for h in (200, 240))
    album = tmp_path / "album.tif"
    first.save(album, save_all=True, append_images=[second])
    open_photo(page, server.address, album)
    one = session_of(page)
    page.locator("#tab-picture").click()
    shown(page, lambda: page.locator("#page").select_option("2"))
    expect(page).not_to_have_url(re.compile(one))
    state = server.state(page)
    assert (state["page"], state["pages"], state["height"]) == (2, 2, 240)
    expect(page.locator("#page")).to_have_value("2")
    shown(page, lambda: page.get_by_label("Even out tones").check())
    assert server.state(page)["even_tones"] is True
    shown(page, page.go_back)
    assert session_of(page) == one
    expect(page.locator("#page")).to_have_value("1")
    expect(page.get_by_label("Even out tones")).not_to_be_checked()
