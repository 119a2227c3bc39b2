// Spans on lanes over time, and below them what changes in steps; one zoom for all.
const LANE_HEIGHT = 44;
const COUNTER_HEIGHT = 62;

function drawTimeline(place, table, options) {
  const spans = Array.from({ length: table.count }, (_, row) => row).filter((row) => table.values[options.value][row] > 0);
  const lanes = options.lanes ?? [...new Set(spans.map((row) => table.values[options.lane][row]))];
  const counters = options.counters ?? [];
  const left = place.clientWidth < 520 ? 88 : 110;
  const lanesHeight = lanes.length * LANE_HEIGHT;
  place.style.height = `${34 + lanesHeight + counters.length * (COUNTER_HEIGHT + 22) + 78}px`;
  const grids = [{ left, right: 16, top: 34, height: lanesHeight, outerBoundsMode: "none" }, ...counters.map((_, i) => ({
    left, right: 16, top: 34 + lanesHeight + 22 + i * (COUNTER_HEIGHT + 22), height: COUNTER_HEIGHT, outerBoundsMode: "none",
  }))];
  const colors = colorsOf(spans.map((row) => table.values[options.color][row]), spans.map((row) => table.values[options.value][row]));
  const describe = rowTooltip(table, [options.value, options.start, options.lane, options.color, ...(options.told ?? [])]);
  const time = { type: "value", min: 0, max: options.end, ...axisStyle() };
  const all = grids.map((_, i) => i);
  return {
    option: {
      animation: false,
      grid: grids,
      legend: legendStyle([...colors.keys()]),
      tooltip: { ...tooltipStyle(), formatter: ({ data, seriesName, seriesId }) => seriesId.startsWith("counter")
        ? `${seriesName}: ${counterText(data[1], counters[seriesId.split(" ")[1]])} from ${significant(data[0])} ms` : describe(data[3]) },
      xAxis: grids.map((_, i) => ({
        ...time, gridIndex: i, axisLabel: { show: i === grids.length - 1, color: color("muted"), hideOverlap: true, showMaxLabel: false, formatter: (v) => `${tickText(v)} ms` },
      })),
      yAxis: [
        { type: "category", data: lanes, inverse: true, ...axisStyle(), axisTick: { show: false }, axisLabel: { color: color("text"), width: left - 12, overflow: "truncate" } },
        ...counters.map((counter, i) => ({
          type: "value", gridIndex: i + 1, name: counter.name, nameLocation: "middle", nameGap: left - 24, nameRotate: 90, splitNumber: 2, min: 0, ...niceKib(counter), ...axisStyle(),
          nameTextStyle: { color: color("text"), fontSize: 11, width: COUNTER_HEIGHT + 16, overflow: "break" },
          axisLabel: { color: color("muted"), showMinLabel: false, formatter: (v) => counterText(v, counter) },
        })),
      ],
      dataZoom: [
        { type: "inside", xAxisIndex: all, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
        { ...sliderStyle(), xAxisIndex: all, filterMode: "none", left, right: 16, bottom: 8, height: 22 },
      ],
      series: [
        ...[...colors].map(([name, fill]) => spanSeries(name, fill, spans, lanes, table, options)),
        ...counters.map((counter, i) => counterSeries(counter, i, options.end)),
      ],
    },
    zooms: [0],
    rowOf: ({ data, seriesId }) => (seriesId.startsWith("counter") ? null : data[3]),
  };
}

function counterText(value, counter) {
  return counter.kind === "kib" ? written(value, "kib") : `${tickText(value)}B${counter.unit ?? ""}`;
}

/** Bytes of a scratchpad are counted in KiB: its axis has round ones. */
function niceKib({ kind, points }) {
  if (kind !== "kib") return {};
  const most = points.reduce((a, [, value]) => Math.max(a, value), 0);
  const interval = 1024 * 2 ** Math.ceil(Math.log2(Math.max(most, 2048) / 2048));
  return { interval, max: interval * Math.ceil(most / interval) };
}

function spanSeries(name, fill, spans, lanes, table, options) {
  const { values } = table;
  const laneOf = new Map(lanes.map((lane, i) => [lane, i]));
  return {
    type: "custom", id: `spans ${name}`, name, itemStyle: { color: fill }, clip: true, encode: { x: [1, 2], y: 0 },
    data: spans.filter((row) => values[options.color][row] === name).map((row) => [
      laneOf.get(values[options.lane][row]), values[options.start][row], values[options.start][row] + values[options.value][row], row,
    ]),
    renderItem: (params, api) => spanShape(params.coordSys, api, fill, values[options.label]),
  };
}

function spanShape(area, api, fill, names) {
  const [x0, y] = api.coord([api.value(1), api.value(0)]);
  const [x1] = api.coord([api.value(2), api.value(0)]);
  const from = Math.max(x0, area.x);
  const to = Math.min(Math.max(x1, x0 + 1), area.x + area.width);
  if (to <= from) return null;
  const height = LANE_HEIGHT * 0.66;
  const shape = { x: from, y: y - height / 2, width: to - from, height, r: Math.min(3, (to - from) / 4) };
  const style = { fill, stroke: color("card"), lineWidth: to - from > 3 ? 1 : 0 };
  if (to - from < 34) return { type: "rect", shape, style };
  return {
    type: "rect", shape, style,
    textContent: { style: { text: names[api.value(3)], fill: textOn(fill), width: to - from - 8, overflow: "truncate", fontSize: 11 } },
    textConfig: { position: "inside" },
  };
}

function counterSeries(counter, i, end) {
  const last = counter.points.at(-1);
  return {
    type: "line", id: `counter ${i}`, name: counter.name, xAxisIndex: i + 1, yAxisIndex: i + 1, step: "end", showSymbol: false,
    lineStyle: { width: 1.5, color: color(i ? "color-4" : "color-7") }, itemStyle: { color: color(i ? "color-4" : "color-7") },
    areaStyle: { opacity: 0.25 }, sampling: counter.points.length > 2000 ? "max" : undefined, tooltip: { trigger: "item" },
    data: last && last[0] < end ? [...counter.points, [end, last[1]]] : counter.points,
  };
}
