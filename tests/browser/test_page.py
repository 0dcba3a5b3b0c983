"""The page for everybody: touch, narrow screens, Japanese, light and dark, screen readers, no WebGL2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running import Server, box_of, click, open_photo, place, saved, shown, type_colour

pytestmark = pytest.mark.browser

NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, canvas[tabindex], [role=slider]")]
    .filter((it) => it.offsetParent !== null && it.getAttribute("aria-hidden") !== "true")
    .filter((it) => !(it.getAttribute("aria-label") || it.textContent.trim() || it.labels?.length))
    .map((it) => it.outerHTML.slice(0, 120))"""
SMALL = """() => [...document.querySelectorAll("button")].filter((it) => it.offsetParent !== null)
    .map((it) => [it.getBoundingClientRect(), it])
    .filter(([box]) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(([, it]) => it.outerHTML.slice(0, 120))"""


def touch(page: Page) -> Callable[..., None]:
    """Send raw touches: ``send("touchStart", (x, y), (x, y))``."""
    protocol = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    return send


def test_a_phone(
    new_page: Callable[..., Page], server: Server, photo: Path, artefacts: Path, copy_of: Callable[[Path], Path]
) -> None:
    page = new_page(**NARROW)
    page.goto(server.address)
    page.screenshot(path=artefacts / "phone-start.png")
    open_photo(page, server.address, copy_of(photo))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for tool in page.locator(".tool-button").all():
        box = box_of(tool)
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert min(box["width"], box["height"]) >= 38
    shown(page, lambda: page.touchscreen.tap(*place(page, 0.4, 0.5)))
    saved(page)
    assert len(server.state(page)["edits"]["hints"]) == 1
    page.screenshot(path=artefacts / "phone-hint.png")

    send = touch(page)
    before = page.locator("#zoom-value").text_content()
    send("touchStart", place(page, 0.45, 0.5))
    send("touchStart", place(page, 0.45, 0.5), place(page, 0.55, 0.5))
    for spread in (0.1, 0.15, 0.2):
        send("touchMove", place(page, 0.5 - spread, 0.5), place(page, 0.5 + spread, 0.5))
    send("touchEnd")
    expect(page.locator("#zoom-value")).not_to_have_text(str(before))
    page.wait_for_timeout(500)
    saved(page)
    assert len(server.state(page)["edits"]["hints"]) == 1, "a pinch leaves no hint behind"
    assert page.evaluate(SMALL) == []
    page.locator("#sheet-toggle").tap()
    expect(page.locator("#page-colour")).to_be_hidden()
    page.locator("#menu-button").tap()
    page.screenshot(path=artefacts / "phone-menu.png")


def test_a_phone_on_its_side_leaves_room_for_the_photo(
    new_page: Callable[..., Page], server: Server, photo: Path, artefacts: Path, copy_of: Callable[[Path], Path]
) -> None:
    page = new_page(**{**NARROW, "viewport": {"width": 740, "height": 360}})
    open_photo(page, server.address, copy_of(photo))
    shown(page, lambda: page.touchscreen.tap(*place(page, 0.4, 0.5)))
    stage = box_of(page.locator("#stage"))
    assert stage["height"] > 300
    assert stage["width"] > 420
    assert page.evaluate("document.documentElement.scrollWidth") <= 740
    page.screenshot(path=artefacts / "phone-landscape.png")
    page.locator("#sheet-toggle").tap()
    expect(page.locator("#page-colour")).to_be_hidden()
    assert box_of(page.locator("#stage"))["width"] > 600
    page.locator("#sheet-toggle").tap()
    expect(page.locator("#page-colour")).to_be_visible()


def test_japanese(
    new_page: Callable[..., Page], server: Server, photo: Path, artefacts: Path, copy_of: Callable[[Path], Path]
) -> None:
    page = new_page(locale="ja-JP", color_scheme="light")
    page.goto(server.address)
    expect(page.locator("#choose-file")).to_have_text("写真を選ぶ")
    page.screenshot(path=artefacts / "japanese-start.png")
    open_photo(page, server.address, copy_of(photo))
    assert page.locator("html").get_attribute("lang") == "ja"
    shown(page, lambda: click(page, 0.4, 0.5))
    shown(page, lambda: type_colour(page, "#b06030"))
    expect(page.locator("#save-status")).to_have_text("保存済み")
    page.screenshot(path=artefacts / "japanese-light.png")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#key-sheet-title")).to_have_text("キーボードショートカット")
    page.screenshot(path=artefacts / "japanese-keys.png")
    page.keyboard.press("Escape")
    page.locator("#menu-button").click()
    page.locator("[data-menu=language]").click()
    expect(page.locator("#tab-colour")).to_have_text("Colour")
    expect(page.locator("#save-status")).to_have_text("Saved")
    page.reload()
    expect(page.locator("#tab-colour")).to_have_text("Colour")


def test_without_webgl2_the_server_s_picture_is_shown(
    new_page: Callable[..., Page], server: Server, photo: Path, artefacts: Path, copy_of: Callable[[Path], Path]
) -> None:
    page = new_page()
    page.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
           HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
               return kind === "webgl2" ? null : get.call(this, kind, ...more);
           };"""
    )
    open_photo(page, server.address, copy_of(photo))
    shown(page, lambda: click(page, 0.4, 0.5))
    shown(page, lambda: type_colour(page, "#d02020"))
    saved(page)
    page.keyboard.press("Escape")
    reds = page.evaluate(_PIXEL)
    assert reds[0] > reds[1] + 25, reds
    shown(page, lambda: page.keyboard.press("Control+z"))
    greys = page.evaluate(_PIXEL)
    assert greys[0] - greys[1] < reds[0] - reds[1]
    page.keyboard.press("w")
    page.screenshot(path=artefacts / "without-webgl2.png")


# The canvas is a 2D one here, so it can be read back at any time.
_PIXEL = """() => {
    const canvas = document.querySelector("#picture");
    const [x, y] = [0.4 * canvas.width + 3, 0.5 * canvas.height + 3];
    return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
}"""


def test_everything_has_a_name_and_the_focus_goes_in_order(opened: Page, artefacts: Path) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    for tab in ("colour", "picture", "versions"):
        opened.locator(f"#tab-{tab}").click()
        assert opened.evaluate(NAMELESS) == []
    opened.locator("[data-command=home]").focus()
    areas: list[Any] = ["topbar"]
    for _ in range(40):
        opened.keyboard.press("Tab")
        area = opened.evaluate(
            "document.activeElement.closest('.topbar, .rail, .stage, .panel')?.className.split(' ')[0]"
        )
        if areas[-1] != area:
            areas.append(area)
        if area == "panel":
            break
    assert areas == ["topbar", "rail", "stage", "panel"]
    expect(opened.locator("#announcer")).to_contain_text("Hint, #")
    opened.keyboard.press("?")
    opened.screenshot(path=artefacts / "keys.png")


def test_dark_light_and_reduced_motion(new_page: Callable[..., Page], server: Server) -> None:
    page = new_page(color_scheme="light", reduced_motion="reduce")
    page.goto(server.address)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(243, 243, 243)"
    page.get_by_role("button", name="More").first.click()
    page.locator("[data-menu=theme]").click()
    page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(26, 26, 26)'")
    page.reload()
    page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(26, 26, 26)'")


def test_zoom_wipe_and_hold_to_compare(opened: Page, artefacts: Path) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    shown(opened, lambda: type_colour(opened, "#b06030"))
    opened.locator("#overlay").focus()
    opened.keyboard.press("w")
    handle = opened.get_by_role("slider", name="Wipe")
    expect(handle).to_be_visible()
    handle.focus()
    opened.keyboard.press("PageUp")
    expect(handle).to_have_attribute("aria-valuenow", "60")
    opened.screenshot(path=artefacts / "wipe.png")
    opened.keyboard.press("w")
    expect(handle).to_be_hidden()
    opened.keyboard.down("q")
    expect(opened.locator("[data-command=before]")).to_have_attribute("aria-pressed", "true")
    opened.keyboard.up("q")
    expect(opened.locator("[data-command=before]")).to_have_attribute("aria-pressed", "false")
    with opened.expect_response(lambda answer: "/lightness" in answer.url and "crop=" in answer.url):
        opened.keyboard.press("a")
    expect(opened.locator("#zoom-value")).to_have_text("100 %")
    opened.keyboard.press("0")
    opened.keyboard.press("u")
    expect(opened.locator("[data-command=uncertainty]")).to_have_attribute("aria-pressed", "true")
    expect(opened.locator("#stage-note")).to_contain_text("redder")
    opened.screenshot(path=artefacts / "uncertainty.png")
    opened.keyboard.press("u")
    expect(opened.locator("#stage-note")).to_be_hidden()


def test_a_lost_graphics_context_comes_back(opened: Page, artefacts: Path) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    shown(opened, lambda: type_colour(opened, "#b06030"))
    saved(opened)
    opened.mouse.move(5, 5)
    opened.wait_for_timeout(500)
    before = opened.locator("#picture").screenshot()
    opened.evaluate(
        """async () => {
            const card = document.querySelector("#picture").getContext("webgl2").getExtension("WEBGL_lose_context");
            card.loseContext();
            await new Promise((resolve) => setTimeout(resolve, 200));
            card.restoreContext();
            await new Promise((resolve) => setTimeout(resolve, 800));
        }"""
    )
    after = opened.locator("#picture").screenshot(path=artefacts / "restored.png")
    assert after == before


def test_the_panel_can_be_put_away(opened: Page) -> None:
    opened.locator("#overlay").focus()
    before = box_of(opened.locator("#overlay"))["width"]
    opened.keyboard.press("d")
    expect(opened.locator("#panel")).to_be_hidden()
    assert box_of(opened.locator("#overlay"))["width"] == pytest.approx(before + 296, abs=1)
    opened.keyboard.press("c")
    expect(opened.locator(".picker")).to_be_focused()
    assert box_of(opened.locator("#overlay"))["width"] == before


def test_tooltips_name_the_key(opened: Page) -> None:
    opened.locator("[data-command=undo]").focus()
    opened.locator("[data-tool=brush]").hover()
    expect(opened.locator("#tooltip")).to_contain_text("paint with a colour")
    expect(opened.locator("#tooltip kbd")).to_have_text("B")
