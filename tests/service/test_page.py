"""The page in a real browser: the right numbers, live without loss, for keyboards and screen readers, and quick."""

from __future__ import annotations

import io
import re
import sqlite3
import sys
import time
from contextlib import closing, contextmanager, redirect_stdout

import pytest

import watched
from browsing import PATIENCE, browser, missing
from evenhand.cli.app import main
from serving import Server, week

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is a browser")
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("page")) as running:
        watched.geo7(running)
        watched.tenants(running, count=60)
        watched.shadow(running, count=40)
        watched.small(running)
        yield running


@contextmanager
def visit(chromium, server, name=None, quiet=True, **options):
    """A page of its own, opened at a controller and waited for; nothing may go wrong in it, nor leave this server."""
    context = chromium.new_context(**{"viewport": DESKTOP, "color_scheme": "light", **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    wrong, asked = [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda request: asked.append(request.url))
    page.asked = asked
    try:
        page.goto(server.url + ("/" if name is None else f"/#/{name}"))
        if name is not None:
            shown(page, name)
        yield page
        if quiet:
            assert wrong == []
        assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    finally:
        context.close()


def shown(page, name):
    page.wait_for_selector(f'main[data-showing="{name}"]')


def tile(page, title):
    return page.locator(".tile", has=page.get_by_role("heading", name=title)).locator(".big").text_content()


def says(page, selector, text):
    page.wait_for_function("([s, t]) => document.querySelector(s)?.textContent.includes(t)", arg=[selector, text])


def test_numbers_are_those_of_the_server(chromium, server):
    state = server.ask("GET", "/v1/controllers/geo7/state").json
    with visit(chromium, server, "geo7") as page:
        says(page, ".tile [role=status]", f"kept up to date without solving: {100 * state['gap']:.1f}\u202f%")
        solved = server.ask("GET", "/v1/controllers/geo7/certificate?last=168").json
        assert tile(page, "Proved gap") == f"{100 * solved['gap']:.1f}\u202f%"
        assert page.get_by_text("at most above the best possible in hindsight, rounds 0 to 167").is_visible()
        assert tile(page, "Cost") == f"{state['mean']['total']:.1f}"
        burden = list(state["burden"].values())
        assert tile(page, "Evenness") == f"{sum(burden) ** 2 / (7 * sum(b * b for b in burden)):.3f}"
        assert tile(page, "Rounds") == "168"
        figure = page.locator("figure", has=page.get_by_role("heading", name="Allocation by site"))
        read = dict(
            zip(
                figure.locator(".key .name").all_text_contents(),
                figure.locator(".key .value").all_text_contents(),
                strict=True,
            )
        )
        assert {site: float(value) for site, value in read.items()} == pytest.approx(state["action"], abs=1e-4)
        why = server.ask("GET", "/v1/controllers/geo7/rounds/167/why").json["text"].splitlines()
        assert page.locator(".words p").all_text_contents() == why[1:]
        assert "Round 167 · 16 May 2024, 23:00" in page.locator(".decision .note").first.text_content()


def test_burden_stands_against_the_fair_level(chromium, server):
    state = server.ask("GET", "/v1/controllers/geo7/state").json
    with visit(chromium, server, "geo7") as page:
        rows = page.locator(".kind section li")
        assert rows.count() == 7
        fair = sum(state["burden"].values()) / 7
        for row, (site, value) in zip(rows.all(), state["burden"].items(), strict=True):
            assert row.locator(".name").text_content() == site
            assert float(row.locator(".value").text_content()) == pytest.approx(value, rel=1e-3)
            off = 100 * (value / fair - 1)
            assert row.locator(".more").text_content() == f"{'+' if off >= 0 else '−'}{abs(off):.0f}\u202f%"
            assert ("over" in row.locator(".bar").get_attribute("class")) == (off > 0)
    with visit(chromium, server, "tenants") as page:
        assert page.locator(".kind section li").count() == 20
        assert "the tick is its quota" in page.locator(".kind section .note").text_content()
        assert page.get_by_text("13 smaller sites").first.is_visible()


def test_shadow_against_actual(chromium, server):
    series = server.ask("GET", "/v1/controllers/shadow/series").json
    differs = sum(any(series["applied"][site][k] is not None for site in series["applied"]) for k in range(40))
    with visit(chromium, server, "shadow") as page:
        card = page.locator("figure", has=page.get_by_role("heading", name="Decided against applied"))
        assert f"other than decided in {differs} of 40 rounds" in card.locator(".note").text_content()
        north = [float(v.replace("−", "-")) for v in card.locator("tbody tr").first.locator("td").all_text_contents()]
        decided = series["action"]["north"]
        done = [x if y is None else y for x, y in zip(decided, series["applied"]["north"], strict=True)]
        assert north == pytest.approx([sum(decided) / 40, sum(done) / 40, (sum(done) - sum(decided)) / 40], rel=1e-3)
        assert "half-life of 24 rounds" in page.locator(".kind .note").first.text_content()
    with visit(chromium, server, "geo7") as page:
        assert page.get_by_text("Decided against applied").is_hidden()


def test_live_and_on_after_a_restart_without_loss(chromium, tmp_path):
    rounds, _ = week()
    first = Server(tmp_path)
    try:
        watched.geo7(first, count=5)
        with visit(chromium, first, "geo7", quiet=False) as page:
            says(page, "#link", "Live")
            assert first.post(rounds[5], "geo7").status == 201
            page.wait_for_selector('.events [data-id="12"]')  # created, 5 × (decided, settled), decided
            says(page, ".decision .note", "Round 5")
            assert first.post(rounds[6], "geo7").status == 201
            page.wait_for_selector('.events [data-id="14"]')
            first.stop()
            says(page, "#link", "Not live")
            again = Server(tmp_path, "--port", str(first.port), wait=False)
            try:
                again.port, again.url = first.port, first.url
                again.wait()
                watched.post_all(again, "geo7", rounds[7:40])
                page.wait_for_selector('.events [data-id="80"]')
                assert page.locator(".ledger").get_attribute("data-lost") == "0"
                assert page.locator(".ledger").get_attribute("data-seen") == str(80 - 11)
                says(page, ".decision .note", "Round 39")
                says(page, "#link", "Live")
                page.wait_for_selector('.plot[aria-valuemax="39"]')
                ids = page.locator(".events .id").all_text_contents()
                assert ids == [f"#{k}" for k in range(80, 72, -1)]
                again.ask("POST", "/v1/controllers/geo7/pause")
                says(page, ".head .state", "paused")
                again.ask("DELETE", "/v1/controllers/geo7")
                page.wait_for_selector("text=/It was deleted|No controller yet/")
            finally:
                again.stop()
    finally:
        first.stop()


def token(folder, scope):
    """Made by the command line."""
    out, before = io.StringIO(), sys.argv
    sys.argv = ["evenhand", "token", "create", "--scope", scope, "--name", scope, "--data", str(folder)]
    try:
        with redirect_stdout(out):
            assert main() == 0
    finally:
        sys.argv = before
    return re.search(r"eh_\S+", out.getvalue())[0]


def test_from_nothing_to_a_token(chromium, tmp_path):
    """What there is to do is said at every step; a token is asked for, and kept in the tab only."""
    with Server(tmp_path) as server, visit(chromium, server, quiet=False) as page:
        says(page, "main", "No controller yet")
        assert "evenhand controller create my-sites.yaml" in page.locator("pre").first.text_content()
        watched.create(server, "us", watched.PAIR)
        shown(page, "us")
        says(page, "main", "No round was decided yet")
        server.post(watched.seen(0), "us")
        says(page, ".decision .note", "Round 0")
        assert page.get_by_text("No round was decided yet").count() == 0
        page.context.set_offline(True)  # another one of that name, unseen: its events are counted anew
        says(page, "#link", "Not live")
        server.ask("DELETE", "/v1/controllers/us")
        watched.create(server, "us", watched.PAIR)
        page.context.set_offline(False)
        says(page, "main", "No round was decided yet")
        read = token(tmp_path, "read")
        says(page, "main", "A token is needed")
        entry = page.get_by_label("Token")
        for wrong, words in (("eh_00000000_no", "he token is not known"), ("ключ", "has letters")):
            entry.fill(wrong)
            page.get_by_role("button", name="Watch").click()
            says(page, "main [role=alert]", words)
        entry.fill(read)
        page.get_by_role("button", name="Watch").click()
        shown(page, "us")
        assert page.evaluate("() => sessionStorage.getItem('evenhand.token')") == read
        assert page.evaluate("() => JSON.stringify(localStorage) + document.cookie") == "{}"
        assert all(read not in url for url in page.asked)
        page.get_by_role("button", name="Forget the token").click()
        says(page, "main", "A token is needed")
        assert page.evaluate("() => sessionStorage.length") == 0
        page.goto(f"{server.url}/#token={read}")  # as `serve --demo` prints it
        shown(page, "us")
        assert page.url == f"{server.url}/"


def test_states_are_said_in_words(chromium, server):
    with visit(chromium, server, "one-round") as page:
        assert page.locator(".later:visible").count() == 4  # cost, gap, and the burden of either kind
    with visit(chromium, server, quiet=False) as page:
        page.goto(f"{server.url}/#/nowhere")
        says(page, "main [role=alert]", "No controller is called 'nowhere'")
    with visit(chromium, server, "paused") as page:
        assert page.locator(".head .state").text_content() == "paused"
        assert "switched off" in page.locator(".notes").text_content()


def test_names_are_only_names(chromium, server):
    with visit(chromium, server, "odd") as page:
        assert page.evaluate("window.hit") is None
        assert page.locator(".moves .name").all_text_contents() == list(watched.ODD)
        assert page.locator("main b, main script").count() == 0


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)], ids=["desktop", "phone"])
def test_axe_finds_nothing(chromium, server, scheme, size):
    from axe_playwright_python.sync_playwright import Axe

    with visit(chromium, server, "geo7", viewport=size, color_scheme=scheme) as page:
        for name in ("geo7", "tenants", "shadow", "paused", "no-round", "odd"):
            page.evaluate("name => { location.hash = `#/${name}`; }", name)
            shown(page, name)
            if name == "paused":  # few rows: axe looks at every cell
                for summary in page.locator("summary:visible").all():
                    summary.click()
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            assert found.response["violations"] == [], f"{name}: {found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"


def test_by_keyboard(chromium, server):
    series = server.ask("GET", "/v1/controllers/geo7/series").json
    with visit(chromium, server, "geo7") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        plot = page.get_by_role("slider", name="Allocation by site")
        plot.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector('.plot[aria-label^="Allocation"][aria-valuenow="1"]')
        spoken = plot.get_attribute("aria-valuetext")
        assert spoken.startswith("Round 1, 10 May 2024, 01:00")
        assert f"Iowa {series['action']['Iowa'][1]:.4g}" in spoken
        page.wait_for_selector('.plot[aria-label^="Cost"][aria-valuenow="1"]')  # all charts stand at the same round
        page.keyboard.press("End")
        page.wait_for_selector('.plot[aria-label^="Allocation"][aria-valuenow="167"]')
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        table = page.get_by_role("region", name="Allocation by site, as a table")
        table.locator("tbody tr").first.wait_for()
        assert table.locator("tbody tr").count() == 168
        last = table.locator("tbody tr").first.locator("td").all_text_contents()
        assert float(last[1]) == pytest.approx(series["action"]["Arizona"][-1], abs=1e-4)


def test_light_and_dark(chromium, server):
    with visit(chromium, server, "geo7") as page:
        paper = "() => getComputedStyle(document.documentElement).backgroundColor"
        light = page.evaluate(paper)
        mode = page.get_by_role("button", name="Dark")
        mode.click()
        assert mode.get_attribute("aria-pressed") == "true"
        dark = page.evaluate(paper)
        assert dark != light
        page.reload()
        shown(page, "geo7")
        assert page.evaluate(paper) == dark
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate("localStorage.length") == 0
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"dark => ({paper})() === dark", arg=dark)


def test_a_changed_file_is_not_run(chromium, server):
    with visit(chromium, server, quiet=False) as page:
        shown(page, "geo7")
        page.route(
            "**/page/format.js", lambda route: route.fulfill(body="window.hit = 1", content_type="text/javascript")
        )
        page.goto("about:blank")
        page.goto(server.url)
        page.wait_for_load_state()
        assert page.evaluate("window.hit") is None
        assert page.locator("main[data-showing]").count() == 0


def test_many_rounds_open_quickly(chromium, server):
    watched.geo7(server, "long")
    repeat(server.folder / "evenhand.sqlite", "long", 168, 100_000)
    with visit(chromium, server, "long") as page:
        assert tile(page, "Rounds") == "100,000"
        begun = time.perf_counter()
        page.reload()
        shown(page, "long")
        spent = time.perf_counter() - begun
        print(f"opened with 100,000 rounds in {spent:.2f} s")
        assert spent < 30.0  # on a machine that does much else; alone it takes a second at most
        assert page.get_by_role("button", name="Last 500").get_attribute("aria-pressed") == "true"
        assert len(page.asked) < 100
        page.get_by_role("button", name="All rounds").click()
        says(page, ".ranges", "one round of every 200, 500 of 100,000")
        sizes = page.evaluate("() => performance.getEntriesByType('resource').map(one => one.decodedBodySize)")
        assert sum(sizes) < 2_000_000


def repeat(file, name, length, count):
    """So many rounds in a ledger that has ``length``: the same again and again, as if the week were played on."""
    with closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        (id,) = connection.execute("SELECT id FROM controllers WHERE name = ?", (name,)).fetchone()
        connection.execute(
            """WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?)
            INSERT INTO rounds SELECT controller, t + i * ?, configuration, NULL, hash, request,
            replace(answer, '"round":' || t || ',', '"round":' || (t + i * ?) || ','), signals, borne, decided, outcome,
            replace(settlement, '"round":' || t || ',', '"round":' || (t + i * ?) || ','), settled
            FROM rounds, k WHERE controller = ? AND t + i * ? < ?""",
            (count // length + 1, length, length, length, id, length, count),
        )
        event = "SELECT controller, number + 1, 'configured', NULL, configuration, at FROM events WHERE controller = ?"
        connection.execute(f"INSERT INTO events {event} ORDER BY number DESC LIMIT 1", (id,))
        before, after = (f'"round":{length},', f'"round":{length - 1},'), (f'"round":{count},', f'"round":{count - 1},')
        connection.execute(
            "UPDATE states SET version = version + 1, body = replace(replace(body, ?, ?), ?, ?) WHERE controller = ?",
            (before[0], after[0], before[1], after[1], id),
        )
