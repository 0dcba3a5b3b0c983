"""Colouring a photo on the page: hints, suggestions, strokes, areas, history, references."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, WebSocket, expect

from tests.browser.running import Server, box_of, click, drag, open_photo, place, saved, session_of, shown, type_colour

pytestmark = pytest.mark.browser


def test_a_click_makes_a_hint_with_the_best_suggestion(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    state = server.state(opened)
    (hint,) = state["edits"]["hints"]
    palette = server.get(f"/api/sessions/{state['id']}/palette?x={hint['x']}&y={hint['y']}&without={hint['id']}")
    assert hint["ab"] == pytest.approx(palette["suggestions"][0]["ab"], abs=0.01)
    assert state["revision"] == 2, "one gesture is one step"
    expect(opened.locator("#page-colour .page-title")).to_have_text("Hint")
    expect(opened.locator(".suggestion:visible")).to_have_count(len(palette["suggestions"]))
    expect(opened.locator(".suggestion").first).to_have_attribute("aria-pressed", "true")
    expect(opened.locator(".suggestion[aria-pressed=true]")).to_have_count(1)
    swatch = opened.locator(".suggestion-swatch").first.evaluate("(it) => getComputedStyle(it).backgroundColor")
    shown_as = opened.locator(".compare-now").evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert swatch == shown_as, "the picker and the suggestions show one choice as one colour"


def test_a_suggestion_is_taken_by_its_key_or_by_a_click(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    expect(opened.locator(".suggestion:visible").nth(2)).to_be_visible()
    palette = server.get(_palette_of(server.state(opened)))
    shown(opened, lambda: opened.keyboard.press("3"))
    saved(opened)
    assert server.state(opened)["edits"]["hints"][0]["ab"] == pytest.approx(palette["suggestions"][2]["ab"], abs=0.01)
    shown(opened, lambda: opened.locator(".suggestion").nth(1).click())
    saved(opened)
    assert server.state(opened)["revision"] == 4


def _palette_of(state: dict) -> str:
    hint = state["edits"]["hints"][0]
    return f"/api/sessions/{state['id']}/palette?x={hint['x']}&y={hint['y']}&without={hint['id']}"


def test_the_picker_recolours_live_and_is_one_step(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    box = opened.locator(".picker").bounding_box()
    assert box
    opened.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    opened.mouse.down()
    shown(opened, lambda: opened.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"]))
    assert server.state(opened)["revision"] == 2, "a preview is not kept"
    shown(opened, opened.mouse.up)
    saved(opened)
    state = server.state(opened)
    assert state["revision"] == 3
    opened.locator(".compare-was").click()
    saved(opened)
    assert server.state(opened)["revision"] == 4


def test_a_hint_is_moved_coloured_noted_resized_and_deleted(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    before = server.state(opened)["edits"]["hints"][0]
    shown(opened, lambda: drag(opened, (0.4, 0.5), (0.45, 0.52), (0.5, 0.6)))
    type_colour(opened, "#b03030")
    opened.locator("#note").fill("regulation 1908")
    opened.locator("#note").blur()
    saved(opened)
    (hint,) = server.state(opened)["edits"]["hints"]
    assert (hint["id"], hint["note"]) == (before["id"], "regulation 1908")
    assert hint["x"] > before["x"]
    assert hint["ab"][0] > 30
    opened.locator("#overlay").focus()
    shown(opened, lambda: opened.keyboard.press("]"))
    opened.wait_for_timeout(600)  # kept when no further key follows
    saved(opened)
    assert server.state(opened)["edits"]["hints"][0]["radius"] == pytest.approx(0.012 * 1100 * 1.25, rel=0.01)
    shown(opened, lambda: opened.keyboard.press("Delete"))
    saved(opened)
    assert server.state(opened)["edits"]["hints"] == []


def _asked(page: Page) -> list[str]:
    """Every request for colours from now on, as "preview" or "commit"."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PUT" and "/edits?" in request.url:
            asked.append("commit" if "commit=1" in request.url else "preview")

    page.on("request", note)
    return asked


def _drag_slowly(page: Page, steps: int = 6) -> None:
    """Drag the hint at (0.4, 0.5), each step shown before the next."""
    page.mouse.move(*place(page, 0.4, 0.5))
    page.mouse.down()
    for step in range(1, steps + 1):
        shown(page, lambda step=step: page.mouse.move(*place(page, 0.4 + 0.02 * step, 0.5)))
    shown(page, page.mouse.up)
    saved(page)


def test_a_drag_asks_on_the_line_and_its_end_is_a_request(opened: Page, server: Server) -> None:
    lines: list[WebSocket] = []
    questions: list[str | bytes] = []

    def watch(line: WebSocket) -> None:
        lines.append(line)
        line.on("framesent", lambda text: questions.append(text))

    opened.on("websocket", watch)
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    _drag_slowly(opened, 2)  # makes the line
    shown(opened, lambda: opened.keyboard.press("Control+z"))
    saved(opened)
    asked = _asked(opened)
    before = len(questions)
    _drag_slowly(opened)
    assert [line.url.rpartition("/")[2] for line in lines] == ["previews"]
    assert asked == ["commit"]
    assert len(questions) - before == 6
    (hint,) = server.state(opened)["edits"]["hints"]
    assert json.loads(questions[-1])["edits"]["hints"][0]["x"] == pytest.approx(hint["x"])


@pytest.mark.parametrize("trouble", ["no lines", "refused", "cut"])
def test_without_a_line_a_drag_asks_by_requests(
    new_page: Callable[..., Page], server: Server, photo: Path, trouble: str
) -> None:
    page = new_page()
    if trouble == "no lines":
        page.add_init_script("delete window.WebSocket")
    elif trouble == "refused":
        page.route_web_socket("**/previews", lambda line: line.close())
    else:
        page.route_web_socket("**/previews", lambda line: line.on_message(lambda _: line.close()))
    open_photo(page, server.address, photo)
    shown(page, lambda: click(page, 0.4, 0.5))
    saved(page)
    before = server.state(page)["revision"]
    asked = _asked(page)
    _drag_slowly(page)
    assert asked == ["preview"] * 6 + ["commit"]
    expect(page.locator(".message")).to_have_count(0)
    assert server.state(page)["revision"] == before + 1


def test_a_wrong_colour_is_explained(opened: Page) -> None:
    opened.locator(".hex").fill("redd")
    opened.locator(".hex").press("Enter")
    expect(opened.locator(".message")).to_contain_text("six digits such as #a04030")


def test_stroke_undo_redo_and_reload(opened: Page, server: Server) -> None:
    opened.keyboard.press("b")
    type_colour(opened, "#3060a0")
    shown(opened, lambda: drag(opened, (0.3, 0.3), (0.4, 0.35), (0.5, 0.3)))
    saved(opened)
    stroke = server.state(opened)["edits"]["hints"]
    assert len(stroke) > 5
    assert len({hint["id"] for hint in stroke}) == 1
    assert server.state(opened)["revision"] == 2
    shown(opened, lambda: opened.keyboard.press("Control+z"))
    assert server.state(opened)["edits"]["hints"] == []
    shown(opened, lambda: opened.locator("[data-command=redo]").click())
    assert server.state(opened)["edits"]["hints"] == stroke
    session = session_of(opened)
    opened.reload()
    expect(opened.locator("#save-status")).to_have_text("Saved")
    assert session_of(opened) == session
    expect(opened.locator("[data-command=undo]")).to_be_enabled()  # the edits have come
    opened.keyboard.press(".")
    expect(opened.locator("#page-colour .page-title")).to_have_text("Stroke")
    shown(opened, lambda: opened.keyboard.press("Control+z"))
    assert server.state(opened)["edits"]["hints"] == []


def test_areas_protection_and_eraser(opened: Page, server: Server) -> None:
    ring = [(0.3, 0.3), (0.4, 0.3), (0.4, 0.4), (0.3, 0.4)]
    opened.keyboard.press("l")
    shown(opened, lambda: drag(opened, *ring))
    opened.keyboard.press("p")
    shown(opened, lambda: drag(opened, *[(x + 0.25, y) for x, y in ring]))
    saved(opened)
    regions = server.state(opened)["edits"]["regions"]
    assert [region["kind"] for region in regions] == ["colour", "protect"]
    assert len(regions[1]["pins"]) > 20
    expect(opened.locator("#page-colour .page-title")).to_have_text("Protected area")
    opened.keyboard.press("e")
    shown(opened, lambda: click(opened, 0.35, 0.35))
    saved(opened)
    assert [region["kind"] for region in server.state(opened)["edits"]["regions"]] == ["protect"]
    expect(opened.locator("[data-tool=original]")).to_be_disabled()


def test_a_colour_photo_can_keep_its_own_colours(page: Page, server: Server, colour_file: Path) -> None:
    open_photo(page, server.address, colour_file)
    page.keyboard.press("o")
    shown(page, lambda: drag(page, (0.45, 0.45), (0.55, 0.45), (0.55, 0.55), (0.45, 0.55)))
    saved(page)
    (region,) = server.state(page)["edits"]["regions"]
    assert region["kind"] == "original"
    expect(page.locator("#page-colour .page-title")).to_have_text("Original colours")


def test_the_eyedropper_takes_the_result_s_colour(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    type_colour(opened, "#b03030")
    saved(opened)
    opened.keyboard.press("Escape")
    opened.keyboard.press("i")
    click(opened, 0.4, 0.5)
    taken = opened.locator(".hex").input_value()
    red, green, blue = (int(taken[i : i + 2], 16) for i in (1, 3, 5))
    assert red > green + 20
    assert red > blue + 20


def test_next_hint_and_a_number_place_a_hint_without_a_pointer(opened: Page, server: Server) -> None:
    goal = server.get(f"/api/sessions/{session_of(opened)}/next-hint")
    opened.keyboard.press("n")
    expect(opened.locator(".suggestion:visible").first).to_be_visible()
    shown(opened, lambda: opened.keyboard.press("1"))
    saved(opened)
    (hint,) = server.state(opened)["edits"]["hints"]
    assert (hint["x"], hint["y"]) == (pytest.approx(goal["x"], abs=0.01), pytest.approx(goal["y"], abs=0.01))


def test_a_colour_chosen_at_the_next_place_makes_a_hint_there(opened: Page, server: Server) -> None:
    opened.keyboard.press("n")
    expect(opened.locator("#page-colour .hint-text")).to_contain_text("helps most")
    shown(opened, lambda: type_colour(opened, "#b03030"))
    saved(opened)
    (hint,) = server.state(opened)["edits"]["hints"]
    assert hint["ab"][0] > 30


def test_the_next_place_brings_its_suggestions_into_view(opened: Page) -> None:
    opened.locator("#tab-versions").click()
    opened.locator("[data-command=next]").click()
    expect(opened.locator(".suggestion:visible").first).to_be_visible()
    expect(opened.locator("#announcer")).to_contain_text("Best suggestion #")


def test_the_photo_s_colours_and_the_recent_ones_keep_their_chroma(opened: Page, server: Server) -> None:
    """Taken from a nearly black place, a colour looks black; used elsewhere it is what was asked for."""
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    type_colour(opened, "#c02020")
    saved(opened)
    wanted = server.state(opened)["edits"]["hints"][0]["ab"]
    for row in ("Recent colours", "In this photo"):
        shown(opened, lambda: click(opened, 0.7, 0.7))
        saved(opened)
        group = opened.get_by_role("group", name=row)
        index = group.locator(".swatch").count() - 1  # the oldest
        shown(opened, group.locator(".swatch").nth(index).click)
        saved(opened)
        assert server.state(opened)["edits"]["hints"][-1]["ab"] == pytest.approx(wanted, abs=0.01)
        shown(opened, lambda: opened.keyboard.press("Delete"))
        saved(opened)


def test_space_moves_the_photo_also_after_a_click_on_a_button(opened: Page, server: Server) -> None:
    opened.locator("[data-tool=brush]").click()
    opened.keyboard.press("a")  # 100 %: larger than the canvas
    expect(opened.locator("#zoom-value")).to_have_text("100 %")
    before = opened.locator("#picture").screenshot()
    opened.keyboard.down(" ")
    drag(opened, (0.5, 0.5), (0.3, 0.3))
    opened.keyboard.up(" ")
    opened.wait_for_timeout(400)
    assert opened.locator("#picture").screenshot() != before
    assert server.state(opened)["revision"] == 1, "nothing was painted"
    opened.locator(".tool-button[data-tool=lasso]").focus()
    opened.keyboard.press("Tab")
    opened.locator(".tool-button[data-tool=lasso]").focus()
    opened.keyboard.press(" ")  # for who came by the keyboard it presses the button
    expect(opened.locator(".tool-button[data-tool=lasso]")).to_have_attribute("aria-pressed", "true")


def test_the_wheel_zooms_to_the_pointer_and_with_shift_changes_the_size(opened: Page, server: Server) -> None:
    from tests.browser.running import fitted

    scale, left, top = fitted(opened, 1500, 1100)
    at = (left + 400 * scale, top + 300 * scale)
    opened.mouse.move(*at)
    before = opened.locator("#zoom-value").text_content()
    opened.mouse.wheel(0, -400)
    expect(opened.locator("#zoom-value")).not_to_have_text(str(before))
    shown(opened, lambda: opened.mouse.click(*at))
    saved(opened)
    (hint,) = server.state(opened)["edits"]["hints"]
    assert (hint["x"], hint["y"]) == (pytest.approx(400, abs=2), pytest.approx(300, abs=2)), "the place has stayed"
    opened.keyboard.down("Shift")
    shown(opened, lambda: opened.mouse.wheel(0, -100))
    opened.keyboard.up("Shift")
    opened.wait_for_timeout(600)
    saved(opened)
    assert server.state(opened)["edits"]["hints"][0]["radius"] == pytest.approx(0.012 * 1100 * 1.15, rel=0.01)


def test_the_keyboard_alone_is_enough(opened: Page, server: Server) -> None:
    opened.locator("#overlay").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
        opened.keyboard.press(key)
    shown(opened, lambda: opened.keyboard.press("Enter"))
    expect(opened.locator("#page-colour .page-title")).to_have_text("Hint")
    saved(opened)
    before = server.state(opened)["edits"]["hints"][0]
    for _ in range(3):
        opened.keyboard.press("Shift+ArrowLeft")
    opened.wait_for_timeout(600)
    saved(opened)
    state = server.state(opened)
    assert state["edits"]["hints"][0]["x"] < before["x"] - 50
    assert state["revision"] == 3, "three key presses in a row are one step"


def test_a_reference_steers_the_picture(opened: Page, server: Server, colour_file: Path) -> None:
    opened.locator("#tab-picture").click()
    shown(opened, lambda: opened.locator("#reference-input").set_input_files(colour_file))
    saved(opened)
    state = server.state(opened)
    assert state["edits"]["reference"]["name"] == "garden.png"
    expect(opened.locator(".reference.active")).to_have_count(1)
    slider = opened.get_by_role("slider", name="Reference strength")
    shown(opened, lambda: slider.fill("40"))
    saved(opened)
    assert server.state(opened)["edits"]["reference_strength"] == pytest.approx(0.4)
    shown(opened, lambda: opened.locator(".reference-picture").click())
    saved(opened)
    assert server.state(opened)["edits"]["reference"] is None
    expect(opened.locator(".reference.active")).to_have_count(0)
    opened.get_by_role("button", name="Take a colour from garden.png").click()
    assert box_of(opened.locator(".reference-dialog"))["width"] < 400, "no wider than its small picture needs"
    opened.locator(".reference-large").click(position={"x": 40, "y": 40})
    expect(opened.locator(".reference-dialog")).to_have_count(0)
    opened.locator("#tab-colour").click()
    expect(opened.locator(".hex")).not_to_have_value("")


def test_strength_never_asks_the_server_while_it_moves(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.locator("#tab-picture").click()
    opened.evaluate(
        """() => {
            const input = document.querySelector("#page-picture input[type=range]");
            for (const value of [110, 120, 130]) {
                input.value = value;
                input.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    opened.keyboard.press("w")
    opened.keyboard.press("+")
    assert [url for url in asked if "/edits" in url] == []
    opened.evaluate('document.querySelector("#page-picture input[type=range]").dispatchEvent(new Event("change"))')
    saved(opened)
    assert server.state(opened)["edits"]["strength"] == pytest.approx(1.3)


def test_snapshots_are_kept_compared_and_restored(opened: Page, server: Server) -> None:
    shown(opened, lambda: click(opened, 0.4, 0.5))
    saved(opened)
    opened.keyboard.press("s")
    opened.locator("#snapshot-name").fill("warm")
    opened.locator("#snapshot-name").press("Enter")
    expect(opened.locator(".snapshot")).to_have_count(1)
    shown(opened, lambda: opened.locator("[data-command=undo]").click())
    assert server.state(opened)["edits"]["hints"] == []
    slider = opened.locator("#page-picture input[type=range]").first
    opened.locator("#tab-picture").click()
    slider.fill("40")
    saved(opened)
    opened.locator("#tab-versions").click()
    opened.get_by_role("button", name="Hold to see warm").hover()
    now = opened.locator("#picture").screenshot()
    with opened.expect_response(lambda answer: "snapshot=" in answer.url) as asked:
        opened.mouse.down()
    assert asked.value.headers["x-irodori-strength"] == "1", "the snapshot is shown with its own strength"
    opened.wait_for_timeout(500)
    assert opened.locator("#picture").screenshot() != now
    shown(opened, opened.mouse.up)
    opened.wait_for_timeout(500)
    assert opened.locator("#picture").screenshot() == now
    shown(opened, lambda: opened.locator(".snapshot-name").click())
    saved(opened)
    state = server.state(opened)
    assert len(state["edits"]["hints"]) == 1
    assert [snapshot["name"] for snapshot in state["snapshots"]] == ["warm"]


def test_rename_recent_photos_and_delete(
    page: Page, server: Server, photo: Path, copy_of: Callable[[Path], Path]
) -> None:
    open_photo(page, server.address, copy_of(photo))
    session = session_of(page)
    page.locator("#photo-name").click()
    page.keyboard.type("quay")
    page.keyboard.press("Enter")
    expect(page.locator("#photo-name")).to_have_text("quay.png")
    page.locator("[data-command=home]").click()
    card = page.locator(f"[data-session='{session}']")
    expect(card).to_contain_text("quay.png")
    shown(page, card.click)
    page.locator("#menu-button").click()
    page.locator("[data-menu=remove]").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("body")).to_have_attribute("data-screen", "start")
    expect(page.locator(f"[data-session='{session}']")).to_have_count(0)
    assert session not in {one["id"] for one in server.get("/api/sessions")["sessions"]}


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_photos_come_in_by_drop_and_paste(
    page: Page, server: Server, photo: Path, copy_of: Callable[[Path], Path], way: str
) -> None:
    page.goto(server.address)
    transfer = page.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            return transfer;
        }""",
        list(copy_of(photo).read_bytes()),
    )
    if way == "drop":
        page.locator("body").dispatch_event("dragenter", {"dataTransfer": transfer})
        expect(page.locator(".drop-zone")).to_have_count(1)
        page.locator(".drop-zone").dispatch_event("drop", {"dataTransfer": transfer})
    else:
        page.evaluate(
            "(it) => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: it, bubbles: true }))",
            transfer,
        )
    expect(page.locator("#photo-name")).to_have_text("dropped.png")
    expect(page.locator("#save-status")).to_have_text("Saved")


def test_a_colour_photo_dropped_on_its_zone_becomes_the_reference(
    opened: Page, server: Server, colour_file: Path
) -> None:
    session = session_of(opened)
    transfer = opened.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "garden.png", { type: "image/png" }));
            return transfer;
        }""",
        list(colour_file.read_bytes()),
    )
    opened.locator("body").dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(opened.locator(".drop-zone")).to_have_count(2)
    zone = opened.locator(".drop-zone[data-zone=reference]")
    shown(opened, lambda: zone.dispatch_event("drop", {"dataTransfer": transfer}))
    saved(opened)
    state = server.state(opened)
    assert (state["id"], state["edits"]["reference"]["name"]) == (session, "garden.png")
    expect(opened.locator(".message[data-key=reference]")).to_have_count(0)  # it is read
    expect(opened.locator(".reference.active img")).to_be_visible()


def test_a_sample_opens(page: Page, server: Server) -> None:
    page.goto(server.address)
    shown(page, lambda: page.locator("[data-sample]").first.click())
    assert server.state(page)["width"] > 0


def test_a_file_that_is_no_photo_is_explained(page: Page, server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "letter.jpg"
    broken.write_text("Dear Sir")
    page.goto(server.address)
    page.locator("#file-input").set_input_files(broken)
    expect(page.locator(".message-error")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-screen", "start")


def test_places_are_photo_pixels(opened: Page, server: Server) -> None:
    """A click at a known place of the fitted photo makes the hint at that very photo pixel."""
    from tests.browser.running import fitted

    scale, left, top = fitted(opened, 1500, 1100)
    shown(opened, lambda: opened.mouse.click(left + 300.5 * scale, top + 440.5 * scale))
    saved(opened)
    (hint,) = server.state(opened)["edits"]["hints"]
    assert hint["x"] == pytest.approx(300.5, abs=1.5)
    assert hint["y"] == pytest.approx(440.5, abs=1.5)
    assert place(opened, 0, 0)[0] > 0
