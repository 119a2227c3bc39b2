// Horizontal bars, a row each: one value, or parts stacked; whiskers from low to high.
const BARS_IN_VIEW = 30;
const BAR_HEIGHT = 24;

function axisStyle() {
  return {
    axisLabel: { color: color("muted") },
    axisLine: { lineStyle: { color: color("line") } },
    splitLine: { lineStyle: { color: color("line") } },
    nameTextStyle: { color: color("muted") },
  };
}

function tooltipStyle() {
  // Drawn on the canvas, not as HTML: a name in it can do nothing.
  return {
    renderMode: "richText",
    confine: true,
    backgroundColor: color("card"),
    borderColor: color("muted"),
    borderWidth: 1,
    textStyle: { color: color("text"), fontSize: 12 },
    transitionDuration: 0,
  };
}

function legendStyle(names) {
  return {
    type: "scroll", top: 0, left: 0, right: 0, icon: "roundRect", data: names,
    textStyle: { color: color("text") }, inactiveColor: color("line"),
    pageTextStyle: { color: color("muted") }, pageIconColor: color("link"), pageIconInactiveColor: color("line"),
  };
}

function sliderStyle() {
  return {
    type: "slider", borderColor: color("line"), fillerColor: "rgba(128,140,160,.25)", backgroundColor: "transparent",
    handleStyle: { color: color("card"), borderColor: color("muted") }, moveHandleStyle: { color: color("muted") },
    textStyle: { color: color("muted") }, brushSelect: false, showDetail: false,
    dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
    selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
  };
}

function rowTooltip(table, keys) {
  const columns = keys.filter(Boolean).map((key) => table.columns.find((column) => column.key === key));
  return (row) => [
    shortened(titleOf(table, row), 60),
    ...columns.map((column) => `${column.title}: ${shortened(withUnit(table.values[column.key][row], column), 60)}`),
  ].join("\n");
}

function drawBars(place, table, options) {
  const column = table.columns.find(({ key }) => key === (options.parts?.[0] ?? options.value));
  const order = Array.from({ length: table.count }, (_, row) => row);
  if (options.is_sorted) order.sort((a, b) => table.values[options.value][b] - table.values[options.value][a] || a - b);
  const isLong = order.length > BARS_IN_VIEW;
  const series = options.parts ? stackedBars(table, order, options) : plainBars(table, order, options);
  if (options.low) series.push(whiskers(table, order, options));
  const names = series.map(({ name }) => name).filter(Boolean);
  const width = place.clientWidth;
  const isNarrow = width < 520;
  const labels = order.map((row) => written(table.values[options.label][row], "text"));
  const longest = labels.reduce((most, label) => Math.max(most, label.length), 0) * 7 + 20;
  const left = Math.min(Math.max(longest, 70), width * (options.is_wordy ? 0.45 : 0.33));
  const rowHeight = options.is_wordy ? 44 : BAR_HEIGHT;
  place.style.height = `${Math.min(order.length, BARS_IN_VIEW) * rowHeight + 72}px`;
  const describe = rowTooltip(table, [...(options.parts ?? [options.value]), options.color, ...(options.told ?? [])]);
  return {
    option: {
      animation: false,
      grid: { left, right: isLong ? 76 : 56, top: names.length > 1 ? 34 : 10, bottom: 28, outerBoundsMode: "none" },
      legend: { ...legendStyle(names), show: names.length > 1 },
      tooltip: { ...tooltipStyle(), formatter: ({ data }) => describe(order[data[1]]) },
      xAxis: { type: "value", min: 0, ...axisStyle(), splitNumber: isNarrow ? 2 : 5, axisLabel: { color: color("muted"), hideOverlap: true, formatter: (v) => axisText(v, column) } },
      yAxis: {
        type: "category", inverse: true, data: order.map((row) => String(row)), ...axisStyle(), axisTick: { show: false },
        axisLabel: {
          color: color("text"), interval: 0, width: left - 12, overflow: options.is_wordy ? "break" : "truncate", lineHeight: 14,
          formatter: (row) => shortened(written(table.values[options.label][row], "text"), Math.round(left / (options.is_wordy ? 2.4 : 6.6))),
        },
      },
      dataZoom: [
        { type: "inside", yAxisIndex: 0, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: isLong, startValue: 0, endValue: BARS_IN_VIEW - 1 },
        { ...sliderStyle(), yAxisIndex: 0, right: 8, width: 14, show: isLong, startValue: 0, endValue: BARS_IN_VIEW - 1 },
      ],
      series,
    },
    zooms: [0],
    rowOf: ({ data }) => order[data[1]],
  };
}

function axisText(value, column) {
  return column.kind === "ms" ? `${Number(value.toPrecision(6))} ms` : withUnit(value, column);
}

function plainBars(table, order, options) {
  const values = table.values[options.value];
  const groups = options.color ? table.values[options.color] : values.map(() => "");
  const colors = colorsOf(groups, values);
  const column = table.columns.find(({ key }) => key === options.value);
  return [...colors].map(([name, fill]) => ({
    type: "bar", name, stack: "all", itemStyle: { color: fill, borderRadius: 2 }, barMaxWidth: 18, barMinHeight: 1,
    label: { show: !options.low, position: "right", color: color("text"), formatter: ({ data }) => written(data[0], column.kind) },
    data: order.flatMap((row, i) => (groups[row] === name && values[row] !== null ? [[values[row], i]] : [])),
  }));
}

function stackedBars(table, order, options) {
  const columns = options.parts.map((key) => table.columns.find((column) => column.key === key));
  return columns.map((column, i) => ({
    type: "bar", name: column.title, stack: "all", barMaxWidth: 26, itemStyle: { color: color(options.colors?.[i] ?? `color-${Math.min(i, PALETTE_SIZE - 1)}`) },
    data: order.map((row, at) => [table.values[column.key][row], at]),
  }));
}

function whiskers(table, order, options) {
  const [low, high] = [table.values[options.low], table.values[options.high]];
  return {
    type: "custom", silent: true, clip: true, z: 5, encode: { x: [0, 2], y: 1 },
    data: order.map((row, i) => [low[row], i, high[row]]),
    renderItem: (_, api) => {
      const [x0, y] = api.coord([api.value(0), api.value(1)]);
      const [x1] = api.coord([api.value(2), api.value(1)]);
      const style = { stroke: color("text"), lineWidth: 1.5, fill: "none" };
      const line = (a, b, c, d) => ({ type: "line", shape: { x1: a, y1: b, x2: c, y2: d }, style });
      return { type: "group", children: [line(x0, y, x1, y), line(x0, y - 4, x0, y + 4), line(x1, y - 4, x1, y + 4)] };
    },
  };
}
