// The network: boxes coloured by the time they take, skips in a colour of their own.
function drawGraph(place, table, options) {
  const { nodes, edges, box } = layoutNetwork(table.values[options.depends_on]);
  const margin = 26;
  place.style.height = `${heightOf(place, box, margin)}px`;
  const frame = frameOf(place, box, margin);
  const describe = rowTooltip(table, [options.caption, options.value, ...(options.told ?? [])]);
  const axis = (range) => ({ type: "value", show: false, min: range[0], max: range[1] });
  return {
    option: {
      animation: false,
      grid: { left: 0, right: 22, top: 0, bottom: 0 },
      tooltip: { ...tooltipStyle(), formatter: ({ data, seriesId }) => (seriesId === "nodes" ? describe(data[2]) : edgeText(table, data)) },
      xAxis: axis(frame.x),
      yAxis: { ...axis(frame.y), inverse: true },
      dataZoom: [
        { type: "inside", yAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, ...frame.shownY },
        { type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, ...frame.shownX },
        { ...sliderStyle(), yAxisIndex: 0, filterMode: "none", right: 4, width: 14, top: 8, bottom: 8, show: "endValue" in frame.shownY, ...frame.shownY },
      ],
      series: [edgeSeries(edges), nodeSeries(nodes, table, options)],
    },
    zooms: [0, 1],
    rowOf: ({ data, seriesId }) => (seriesId === "nodes" ? data[2] : null),
  };
}

/** As high as the network is at its own size, within what is still in view. */
function heightOf(place, box, margin) {
  const scale = Math.max((box.right - box.left + 2 * margin) / (place.clientWidth - 22), 1);
  return Math.min(Math.max((box.bottom + 2 * margin) / scale, 240), place.clientWidth < 520 ? 560 : 820);
}

/** Ranges of the axes with one scale for both, and what of it is shown at first: all, or the beginning readably. */
function frameOf(place, box, margin) {
  const [width, height] = [place.clientWidth - 22, place.clientHeight];
  const [spanX, spanY] = [box.right - box.left + 2 * margin, box.bottom + 2 * margin];
  const unitsPerPixel = Math.max(spanX / width, spanY / height, 1);
  const middle = (box.left + box.right) / 2;
  const x = [middle - (unitsPerPixel * width) / 2, middle + (unitsPerPixel * width) / 2];
  const y = [-margin, unitsPerPixel * height - margin];
  if (unitsPerPixel <= 1.5) return { x, y, shownX: {}, shownY: {} };
  const scale = Math.min(Math.max(spanX / width, 1), 1.5);
  return {
    x, y,
    shownX: { startValue: middle - (scale * width) / 2, endValue: middle + (scale * width) / 2 },
    shownY: { startValue: -margin, endValue: scale * height - margin },
  };
}

function edgeText(table, [, , from, to]) {
  return `${shortened(titleOf(table, from), 40)} → ${shortened(titleOf(table, to), 40)}`;
}

function edgeSeries(edges) {
  return {
    type: "custom", id: "edges", clip: true, z: 1,
    data: edges.map(({ from, to }, i) => [0, 0, from, to, i]),
    renderItem: ({ coordSys }, api) => {
      const edge = edges[api.value(4)];
      const points = edge.points.map((point) => api.coord(point));
      if (isOutside(points, coordSys)) return null;
      const stroke = color(edge.isSkip ? "color-5" : "muted");
      const shape = { points, smooth: edge.isFar ? 0 : 0.25 };
      return {
        type: "group", children: [
          { type: "polyline", shape, style: { stroke, lineWidth: edge.isSkip ? 2 : 1.2, fill: "none", lineDash: edge.isSkip ? [6, 3] : undefined } },
          { type: "polygon", shape: { points: arrow(points) }, style: { fill: stroke } },
        ],
      };
    },
  };
}

function isOutside(points, area) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return Math.max(...ys) < area.y || Math.min(...ys) > area.y + area.height || Math.max(...xs) < area.x || Math.min(...xs) > area.x + area.width;
}

function arrow(points) {
  const [x, y] = points.at(-1);
  const [fromX, fromY] = points.at(-2);
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [dx, dy] = [(x - fromX) / length, (y - fromY) / length];
  return [[x, y], [x - 7 * dx + 3.5 * dy, y - 7 * dy - 3.5 * dx], [x - 7 * dx - 3.5 * dy, y - 7 * dy + 3.5 * dx]];
}

function nodeSeries(nodes, table, options) {
  const { values } = table;
  const most = values[options.value].reduce((a, b) => Math.max(a, b), 0) || 1;
  return {
    type: "custom", id: "nodes", clip: true, z: 2,
    data: nodes.map(({ x, y }, row) => [x, y, row]),
    renderItem: ({ coordSys }, api) => {
      const [x, y] = api.coord([api.value(0), api.value(1)]);
      const [width, height] = api.size([NODE.width, NODE.height]);
      const corner = [[x - width / 2, y - height / 2], [x + width / 2, y + height / 2]];
      if (isOutside(corner, coordSys)) return null;
      const row = api.value(2);
      const { fill, text } = heat(values[options.value][row] / most);
      const shape = { x: corner[0][0], y: corner[0][1], width, height, r: Math.min(6, height / 4) };
      const isMarked = options.marked ? values[options.marked][row] : false;
      const style = { fill, stroke: color(isMarked ? "text" : "muted"), lineWidth: isMarked && height > 8 ? 2 : 1 };
      if (height < 22) return { type: "rect", shape, style: height < 3 ? { fill } : style };
      const size = Math.max(9, Math.min(12, height / 3.6));
      const lines = [values[options.label][row], `${values[options.caption][row]} · ${significant(values[options.value][row])} ms`];
      const label = (at) => ({ type: "text", silent: true, style: {
        text: lines[at], x, y: y + (at ? 0.62 : -0.62) * size, fill: text, fontSize: at ? size - 1 : size, fontWeight: at ? "normal" : 600,
        align: "center", verticalAlign: "middle", width: width - 12, overflow: "truncate",
      } });
      return { type: "group", children: [{ type: "rect", shape, style }, label(0), label(1)] };
    },
  };
}
