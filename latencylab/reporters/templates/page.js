// Puts charts and tables in their places: each when it comes into view, again when the colours change.
charts.use([
  charts.BarChart, charts.CustomChart, charts.LineChart, charts.ScatterChart, charts.CanvasRenderer, charts.LabelLayout,
  charts.DataZoomInsideComponent, charts.DataZoomSliderComponent, charts.GridComponent, charts.LegendComponent,
  charts.TooltipComponent,
]);

const DRAWERS = { bars: drawBars, timeline: drawTimeline, scatter: drawScatter, graph: drawGraph };
const data = JSON.parse(document.getElementById("data").textContent);
const drawn = new Map();

function drawChart(place, section) {
  const table = data.tables[section.table];
  const old = drawn.get(place);
  const view = old?.chart.getOption().dataZoom?.map(({ start, end }) => ({ start, end }));
  old?.chart.dispose();
  const { option, zooms, rowOf } = DRAWERS[section.chart.kind](place, table, section.chart);
  if (view) option.dataZoom = option.dataZoom.map(({ startValue, endValue, ...rest }, i) => ({ ...rest, ...view[i] }));
  const isPrinting = document.documentElement.classList.contains("printing");
  if (isPrinting) option.dataZoom = option.dataZoom.map((zoom) => (zoom.type === "slider" ? { ...zoom, show: false } : zoom));
  const chart = charts.init(place, null, { renderer: "canvas", devicePixelRatio: isPrinting ? 3 : undefined });
  chart.setOption({ textStyle: { fontFamily: getComputedStyle(document.body).fontFamily }, ...option });
  chart.on("click", (event) => {
    const row = event.componentType === "series" ? rowOf(event) : null;
    if (row !== null && row !== undefined) openDetails(table, row);
  });
  place.dataset.drawn = section.chart.kind;
  drawn.set(place, { chart, zooms, section, width: place.clientWidth });
}

/** Zoom or move by buttons: what the mouse does, for everyone. */
function move(place, direction) {
  const { chart, zooms } = drawn.get(place);
  const all = chart.getOption().dataZoom;
  const batch = zooms.map((index, i) => {
    const { start, end } = all[index];
    const [middle, span] = [(start + end) / 2, end - start];
    if (direction === "reset") return { dataZoomIndex: index, start: 0, end: 100 };
    if (direction === "in" || direction === "out") {
      const half = Math.min((span / 2) * (direction === "in" ? 0.5 : 2), 50);
      const at = Math.min(Math.max(middle, half), 100 - half);
      return { dataZoomIndex: index, start: at - half, end: at + half };
    }
    const wanted = i ? 0 : (direction === "back" ? -0.5 : 0.5) * span;
    const by = Math.min(Math.max(wanted, -start), 100 - end);
    return { dataZoomIndex: index, start: start + by, end: end + by };
  });
  chart.dispatchAction({ type: "dataZoom", batch });
}

function redraw() {
  forgetColors();
  for (const [place, { section }] of drawn) drawChart(place, section);
  drawResult();
}

/** What stands above the sections. */
function drawResult() {
  if (data.gauge) drawGauge(document.getElementById("gauge"), data.gauge);
  if (data.strip) drawStrip(document.getElementById("strip"), tableOf(data.strip.section), data.strip);
}

function tableOf(id) {
  return data.tables[data.sections.find((section) => section.id === id).table];
}

/** On paper the page is as wide as paper is, and light; what was never seen is drawn, too. */
function layOutForPaper(isPrinting) {
  document.documentElement.classList.toggle("printing", isPrinting);
  redraw();
}

function whenSeen(element, act) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    act();
  }, { rootMargin: "400px" });
  observer.observe(element);
  beforePaper.push(act);
}

const beforePaper = [];

function once(act) {
  let isDone = false;
  return () => { if (!isDone) { isDone = true; act(); } };
}

for (const section of data.sections) {
  const element = document.getElementById(section.id);
  const place = element.querySelector(".chart");
  const twin = element.querySelector(".twin");
  if (place) {
    const draw = once(() => drawChart(place, section));
    whenSeen(place, draw);
    element.querySelector(".toolbar")?.addEventListener("click", ({ target }) => {
      if (target.dataset.move) { draw(); move(place, target.dataset.move); }
    });
    new ResizeObserver(() => {
      const known = drawn.get(place);
      if (known && known.width !== place.clientWidth) { drawChart(place, section); }
    }).observe(place);
  }
  if (twin) {
    const fill = once(() => drawTable(twin.querySelector(".table"), data.tables[section.table], section.shown, section.title));
    if (twin.open) whenSeen(twin, fill);
    twin.addEventListener("toggle", fill);
    beforePaper.push(() => { twin.open = true; fill(); });
  }
}

drawResult();
addEventListener("resize", drawResult);
addEventListener("beforeprint", () => { layOutForPaper(true); beforePaper.forEach((act) => act()); });
addEventListener("afterprint", () => layOutForPaper(false));
document.getElementById("scheme").addEventListener("click", () => {
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const current = document.documentElement.dataset.scheme ?? preferred;
  document.documentElement.dataset.scheme = current === "dark" ? "light" : "dark";
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.documentElement.dataset.ready = "yes";
