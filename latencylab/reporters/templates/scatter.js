// Points in the plane, with lines they are read against: roofs, a diagonal with its band, a Pareto front.
const MOST_NAMED = 150;

function drawScatter(place, table, options) {
  const { values } = table;
  const xs = [options.x, ...(options.also ?? [])];
  const rows = Array.from({ length: table.count }, (_, row) => row)
    .filter((row) => xs.some((x) => isShown(values[x][row], options)) && isShown(values[options.y][row], options));
  const groups = options.color ? values[options.color] : Array(table.count).fill("");
  const colors = options.tones ? tonesOf(rows.map((row) => groups[row]), options.tones) : groupColors(groups, rows, options.weight && values[options.weight]);
  const describe = rowTooltip(table, [options.x, options.low, options.high, options.y, options.color, ...(options.told ?? [])].filter(Boolean));
  const lines = options.lines ?? [];
  const legend = [...(colors.size > 1 || lines.length ? colors.keys() : []), ...lines.map(({ name }) => name)].filter(Boolean);
  place.style.height = "30rem";
  const axis = (title, gap) => ({
    type: options.log ? "log" : "value", scale: true, name: title, nameLocation: "middle", nameGap: gap, ...axisStyle(), nameTextStyle: { color: color("muted") },
    axisLabel: { color: color("muted"), formatter: (v) => tickText(v).trim(), hideOverlap: true },
    minorSplitLine: { show: false },
  });
  const scaled = (base, { customTicks, ...found }) => ({
    ...base, ...found,
    axisLabel: { ...base.axisLabel, customValues: customTicks }, axisTick: { customValues: customTicks }, splitLine: { ...base.splitLine, customValues: customTicks },
  });
  const ends = (at) => lines.flatMap(({ points }) => points.map((point) => point[at]));
  const [alsoX, alsoY] = options.is_upright ? [[], [options.low, options.high]] : [[options.low, options.high], []];
  const shownY = [options.y, ...alsoY].filter(Boolean).flatMap((y) => rows.map((row) => values[y][row]));
  const shownX = [...xs, ...alsoX].filter(Boolean).flatMap((x) => rows.map((row) => values[x][row])).filter((value) => isShown(value, options));
  const isSquare = Boolean(options.is_square);
  const bounds = options.log ? logBounds : roomyBounds;
  const points = xs.flatMap((x) => rows.filter((row) => isShown(values[x][row], options)).map((row) => [values[x][row], values[options.y][row], row]));
  const segments = [
    ...(options.low ? rows.map((row) => intervalOf(values, row, options)) : []),
    ...lines.filter(({ is_step: isStep }) => !isStep).flatMap((line) => line.points.slice(1).map((point, i) => [line.points[i], point])),
  ];
  const layout = seatedLabels(place, points, segments);
  return {
    option: {
      animation: false,
      grid: { left: 72, right: 24, top: legend.length ? 40 : 16, bottom: 80, outerBoundsMode: "none" },
      legend: { ...legendStyle(legend), show: legend.length > 0 },
      tooltip: { ...tooltipStyle(), formatter: ({ value, seriesName, seriesType }) => (seriesType === "scatter" ? describe(value[2]) : seriesName) },
      xAxis: scaled(axis(options.x_title, 28), bounds(isSquare ? [...shownX, ...shownY] : shownX, ends(0), options)),
      yAxis: scaled(axis(options.y_title, 52), bounds(isSquare ? [...shownX, ...shownY] : shownY, ends(1), options)),
      dataZoom: [
        { type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
        { type: "inside", yAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
        { ...sliderStyle(), xAxisIndex: 0, filterMode: "none", bottom: 8, height: 20 },
      ],
      series: [
        ...(options.bands ?? []).map(bandSeries),
        ...lines.map(lineSeries),
        ...(options.low ? [intervalSeries(values, rows, options, (row) => colors.get(groups[row]))] : []),
        ...[...colors].flatMap(([name, fill]) => xs.map((x, i) => ({
          type: "scatter", name, symbol: i ? "diamond" : "circle", symbolSize: i ? 10 : 12,
          itemStyle: i ? { color: "transparent", borderColor: fill, borderWidth: 2 } : { color: fill, opacity: 0.85, borderColor: color("card"), borderWidth: 1 },
          data: rows.filter((row) => groups[row] === name && isShown(values[x][row], options)).map((row) => [values[x][row], values[options.y][row], row]),
          label: {
            show: Boolean(options.is_named) && points.length <= MOST_NAMED && !i, color: color("text"), fontSize: 11,
            formatter: ({ value }) => shortened(written(values[options.label][value[2]], "text"), 28),
          },
          labelLayout: layout,
        }))),
      ],
    },
    zooms: [0, 1],
    rowOf: ({ value, seriesType }) => (seriesType === "scatter" ? value[2] : null),
  };
}

function isShown(value, options) {
  return value !== null && (!options.log || value > 0);
}

/** Colours of the groups that have a point; by the weight of all rows, so that a kind has one colour on the page. */
function groupColors(groups, rows, weights) {
  const present = new Set(rows.map((row) => groups[row]));
  return new Map([...colorsOf(groups, weights)].filter(([name]) => present.has(name)));
}

function lineSeries({ name, points, is_dashed, is_step, ink }, i) {
  const stroke = color(ink ?? `color-${(i + 4) % PALETTE_SIZE}`);
  return {
    type: "line", name, data: points, showSymbol: false, symbol: "none", silent: true, z: 1, step: is_step ? "end" : false,
    lineStyle: { width: 2, color: stroke, type: is_dashed ? "dashed" : "solid" }, itemStyle: { color: stroke },
  };
}

/** An area between a lower and an upper line of as many points. */
function bandSeries({ points }) {
  return {
    type: "custom", silent: true, clip: true, z: 0, data: [[points[0][0], points[0][1]]],
    renderItem: (_, api) => ({ type: "polygon", shape: { points: points.map((point) => api.coord(point)) }, style: { fill: color("muted"), opacity: 0.14 } }),
  };
}

function intervalOf(values, row, { x, y, low, high, is_upright: isUpright }) {
  return [values[low][row], values[high][row]].map((end) => (isUpright ? [values[x][row], end] : [end, values[y][row]]));
}

/** How far a value may be off, on either side: that of x, or upright that of y. */
function intervalSeries(values, rows, options, inkOf) {
  return {
    type: "custom", silent: true, clip: true, z: 2, encode: { x: 0, y: 1 },
    data: rows.map((row) => [values[options.x][row], values[options.y][row], row]),
    renderItem: (_, api) => {
      const row = api.value(2);
      const [[x0, y0], [x1, y1]] = intervalOf(values, row, options).map((end) => api.coord(end));
      return { type: "line", shape: { x1: x0, y1: y0, x2: x1, y2: y1 }, style: { stroke: inkOf(row), lineWidth: 1.5, opacity: 0.55 } };
    },
  };
}

/** The points with a margin around them, from one round number to another. */
function roomyBounds(points) {
  if (!points.length) return {};
  const [least, most] = extremes(points);
  const span = most - least || Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 7));
  const interval = power * [1, 2, 5, 10].find((factor) => factor * power >= span / 7);
  const min = Math.floor((least - span * 0.04) / interval) * interval;
  const round = (value) => Number(value.toPrecision(12));
  return { min: round(least >= 0 ? Math.max(0, min) : min), max: round(Math.ceil((most + span * 0.04) / interval) * interval), interval };
}

/** Around the points: whole decades where they span several; lines may be cut. */
function logBounds(points, ends, { is_tight: isTight }) {
  const all = (points.length ? points : ends).filter((value) => value > 0);
  if (!all.length) return {};
  const [least, most] = extremes(all);
  if (isTight) return { min: niceBelow(least / 1.15), max: -niceBelow(-most * 1.15), customTicks: ticksOfDecades(least, most) };
  const top = Math.max(most, ...ends.filter((value) => value > 0 && value < 1e3 * most));
  return { min: 10 ** Math.floor(Math.log10(least)), max: 10 ** Math.ceil(Math.log10(top) + 1e-9) };
}

/** 1, 2 and 5 of each decade, where a decade is not narrow. */
function ticksOfDecades(least, most) {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const factors = last - first > 4 ? [1] : [1, 2, 5];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(3))));
}

/** The next number of one digit below a positive, or beyond a negative one. */
function niceBelow(value) {
  const step = 10 ** Math.floor(Math.log10(Math.abs(value)));
  return Math.floor(value / step) * step;
}
