// Horizontal bars, a row each: one value, or parts stacked; whiskers from low to high; sentences above their bars.
const BARS_IN_VIEW = 30;
const BAR_HEIGHT = 24;
const TEXT_HEIGHT = 15;
const LETTER_WIDTH = 6.6;

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
  const order = Array.from({ length: table.count }, (_, row) => row).filter((row) => options.parts || isDrawn(table.values[options.value][row], options));
  if (options.is_sorted) order.sort((a, b) => Math.abs(table.values[options.value][b]) - Math.abs(table.values[options.value][a]) || a - b);
  const isLong = order.length > BARS_IN_VIEW;
  const labels = order.map((row) => written(table.values[options.label][row], "text"));
  const frame = options.is_wordy ? wordyFrame(place.clientWidth, labels) : plainFrame(place.clientWidth, labels);
  const series = options.parts ? stackedBars(table, order, options) : plainBars(table, order, options);
  if (options.low) series.push(whiskers(table, order, options, column));
  const names = series.map(({ name }) => name).filter(Boolean);
  const hasLegend = names.length > 1 && options.color !== options.label;
  if (options.is_wordy) series.unshift(sentences(labels, frame));
  place.style.height = `${Math.min(order.length, BARS_IN_VIEW) * frame.rowHeight + (hasLegend ? 72 : 48)}px`;
  const describe = rowTooltip(table, [...(options.parts ?? [options.value]), options.color, ...(options.told ?? [])]);
  const isSigned = !options.parts && order.some((row) => table.values[options.value][row] < 0);
  return {
    option: {
      animation: false,
      grid: { left: frame.left, right: isLong ? 76 : 60, top: hasLegend ? 34 : 10, bottom: 28, outerBoundsMode: "none" },
      legend: { ...legendStyle(names), show: hasLegend },
      tooltip: { ...tooltipStyle(), formatter: ({ value }) => describe(order[value[1]]) },
      xAxis: {
        type: "value", min: isSigned ? undefined : 0, max: options.end, boundaryGap: isSigned ? ["7%", "7%"] : undefined, ...axisStyle(), splitNumber: place.clientWidth < 520 ? 2 : 5,
        axisLabel: { color: color("muted"), hideOverlap: true, showMaxLabel: options.end === undefined, alignMinLabel: options.is_wordy ? "left" : undefined, formatter: (v) => axisText(v, column) },
        splitLine: { ...axisStyle().splitLine, show: !options.is_wordy },
      },
      yAxis: {
        type: "category", inverse: true, data: order.map((row) => String(row)), ...axisStyle(), axisTick: { show: false }, axisLine: { ...axisStyle().axisLine, onZero: isSigned },
        axisLabel: {
          show: !options.is_wordy, color: color("text"), interval: 0, width: frame.left - 12, overflow: "truncate",
          formatter: (row) => shortened(written(table.values[options.label][row], "text"), Math.round(frame.left / LETTER_WIDTH)),
        },
      },
      dataZoom: isLong ? [
        { type: "inside", yAxisIndex: 0, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: true, startValue: 0, endValue: BARS_IN_VIEW - 1 },
        { ...sliderStyle(), yAxisIndex: 0, right: 8, width: 14, startValue: 0, endValue: BARS_IN_VIEW - 1 },
      ] : [],
      series,
    },
    zooms: isLong ? [0] : [],
    rowOf: ({ value }) => order[value[1]],
  };
}

/** A difference of nothing needs no bar. */
function isDrawn(value, { is_difference: isDifference }) {
  return value !== null && !(isDifference && value === 0);
}

function plainFrame(width, labels) {
  const longest = labels.reduce((most, label) => Math.max(most, label.length), 0) * 7 + 20;
  return { left: Math.min(Math.max(longest, 70), width * 0.33), rowHeight: BAR_HEIGHT };
}

/** Sentences take the width of the chart, and as many lines as the longest of them needs. */
function wordyFrame(width, labels) {
  const textWidth = width - 70;
  const letters = textWidth / LETTER_WIDTH;
  const lines = Math.min(4, labels.reduce((most, label) => Math.max(most, Math.ceil(label.length / letters)), 1));
  return { left: 10, textWidth, textHeight: lines * TEXT_HEIGHT, rowHeight: lines * TEXT_HEIGHT + 30, letters: Math.floor(4 * letters) };
}

/** A bar without a length above each bar, whose name is the sentence. */
function sentences(labels, { textWidth, textHeight, letters }) {
  return {
    type: "bar", silent: true, barWidth: textHeight, barGap: "15%", data: labels.map((_, i) => [0, i]),
    label: {
      show: true, position: "right", distance: 0, color: color("text"), fontSize: 12, lineHeight: TEXT_HEIGHT, width: textWidth, overflow: "break",
      formatter: ({ value }) => shortened(labels[value[1]], letters),
    },
  };
}

function axisText(value, column) {
  if (column.kind === "ms" || column.kind === "change") return `${tickText(value)} ms`;
  if (column.kind === "percent" || column.kind === "error") return `${tickText(100 * value)} %`;
  return tickText(value);
}

function plainBars(table, order, options) {
  const values = table.values[options.value];
  const groups = options.color ? table.values[options.color] : values.map(() => "");
  const colors = options.tones ? tonesOf(groups, options.tones) : colorsOf(groups, values.map(Math.abs));
  const column = table.columns.find(({ key }) => key === options.value);
  return [...colors].map(([name, fill]) => ({
    type: "bar", name, stack: "all", itemStyle: { color: fill, borderRadius: 2 }, barWidth: options.is_wordy ? 12 : undefined, barMaxWidth: 18, barMinHeight: 1,
    label: { show: !options.low, color: color("text"), formatter: ({ value }) => written(value[0], column.kind) },
    data: order.flatMap((row, i) => (groups[row] === name ? [{ value: [values[row], i], label: { position: values[row] < 0 ? "left" : "right" } }] : [])),
  }));
}

function tonesOf(groups, tones) {
  const present = new Set(groups);
  return new Map(Object.entries(tones).filter(([name]) => present.has(name)).map(([name, tone]) => [name, color(tone)]));
}

function stackedBars(table, order, options) {
  const columns = options.parts.map((key) => table.columns.find((column) => column.key === key));
  return columns.map((column, i) => ({
    type: "bar", name: column.title, stack: "all", barMaxWidth: 18, itemStyle: { color: color(options.colors?.[i] ?? `color-${Math.min(i, PALETTE_SIZE - 1)}`) },
    data: order.map((row, at) => [table.values[column.key][row], at]),
  }));
}

/** From low to high, and behind it the value, which the whisker would cross. */
function whiskers(table, order, options, column) {
  const [low, high, values] = [table.values[options.low], table.values[options.high], table.values[options.value]];
  return {
    type: "custom", silent: true, clip: false, z: 5, encode: { x: [0, 2], y: 1 },
    data: order.map((row, i) => [low[row], i, high[row], values[row]]),
    renderItem: (_, api) => {
      const [x0, y] = api.coord([api.value(0), api.value(1)]);
      const [x1] = api.coord([api.value(2), api.value(1)]);
      const style = { stroke: color("text"), lineWidth: 1.5, fill: "none" };
      const line = (a, b, c, d) => ({ type: "line", shape: { x1: a, y1: b, x2: c, y2: d }, style });
      const label = { type: "text", x: x1 + 6, y, style: { text: written(api.value(3), column.kind), fill: color("text"), verticalAlign: "middle", fontSize: 12 } };
      return { type: "group", children: [line(x0, y, x1, y), line(x0, y - 4, x0, y + 4), line(x1, y - 4, x1, y + 4), label] };
    },
  };
}
