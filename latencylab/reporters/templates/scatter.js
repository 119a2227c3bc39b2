// Points in the plane, with lines they are read against: roofs, a diagonal, a Pareto front.
function drawScatter(place, table, options) {
  const { values } = table;
  const rows = Array.from({ length: table.count }, (_, row) => row)
    .filter((row) => [options.x, ...(options.also ?? [])].some((x) => isShown(values[x][row], options)) && isShown(values[options.y][row], options));
  const groups = options.color ? values[options.color] : Array(table.count).fill("");
  const colors = colorsOf(rows.map((row) => groups[row]), rows.map(() => 1));
  const describe = rowTooltip(table, [options.x, options.y, options.color, ...(options.told ?? [])]);
  const lines = options.lines ?? [];
  place.style.height = "30rem";
  const axis = (title, gap) => ({
    type: options.log ? "log" : "value", scale: true, name: title, nameLocation: "middle", nameGap: gap, ...axisStyle(),
    axisLabel: { color: color("muted"), formatter: (v) => withPrefix(v).trim(), hideOverlap: true },
    minorSplitLine: { show: false },
  });
  const bound = options.log ? logBounds : () => ({});
  return {
    option: {
      animation: false,
      grid: { left: 66, right: 24, top: 40, bottom: 76, outerBoundsMode: "none" },
      legend: { ...legendStyle([...colors.keys(), ...lines.map(({ name }) => name)]), show: colors.size + lines.length > 1 },
      tooltip: { ...tooltipStyle(), formatter: ({ data, seriesName, componentType }) =>
        (componentType === "series" && data.length > 2 ? describe(data[2]) : seriesName) },
      xAxis: { ...axis(options.x_title, 28), ...bound([options.x, ...(options.also ?? [])].flatMap((x) => rows.map((row) => values[x][row])).filter((value) => isShown(value, options)), lines.flatMap(({ points }) => points.map(([x]) => x))) },
      yAxis: { ...axis(options.y_title, 46), ...bound(rows.map((row) => values[options.y][row]), lines.flatMap(({ points }) => points.map(([, y]) => y))) },
      dataZoom: [
        { type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
        { type: "inside", yAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
        { ...sliderStyle(), xAxisIndex: 0, filterMode: "none", bottom: 8, height: 20 },
      ],
      series: [
        ...lines.map(lineSeries),
        ...[...colors].flatMap(([name, fill]) => [options.x, ...(options.also ?? [])].map((x, i) => ({
          type: "scatter", name, symbol: i ? "diamond" : "circle", symbolSize: i ? 10 : 12,
          itemStyle: i ? { color: "transparent", borderColor: fill, borderWidth: 2 } : { color: fill, opacity: 0.85, borderColor: color("card"), borderWidth: 1 },
          data: rows.filter((row) => groups[row] === name && isShown(values[x][row], options)).map((row) => [values[x][row], values[options.y][row], row]),
          label: {
            show: Boolean(options.is_named), position: "right", color: color("text"), fontSize: 11,
            formatter: ({ data }) => shortened(written(values[options.label][data[2]], "text"), 24),
          },
          labelLayout: { hideOverlap: true, moveOverlap: "shiftY" },
        }))),
      ],
    },
    zooms: [0, 1],
    rowOf: ({ data, seriesType }) => (seriesType === "scatter" ? data[2] : null),
  };
}

function isShown(value, options) {
  return value !== null && (!options.log || value > 0);
}

function lineSeries({ name, points, is_dashed }, i) {
  const ink = color(`color-${(i + 4) % PALETTE_SIZE}`);
  return {
    type: "line", name, data: points, showSymbol: false, silent: true, z: 1,
    lineStyle: { width: 2, color: ink, type: is_dashed ? "dashed" : "solid" }, itemStyle: { color: ink },
    symbol: "none",
  };
}

/** Whole decades around the points; lines may be cut. */
function logBounds(points, ends) {
  const all = (points.length ? points : ends).filter((value) => value > 0);
  if (!all.length) return {};
  const top = Math.max(...all, ...ends.filter((value) => value > 0 && value < 1e3 * Math.max(...all)));
  return { min: 10 ** Math.floor(Math.log10(Math.min(...all))), max: 10 ** Math.ceil(Math.log10(top) + 1e-9) };
}
