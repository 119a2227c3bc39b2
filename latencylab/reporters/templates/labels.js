// Names of points: beside, above, below or around them; none covers a point, its interval, another name or the edge.
const SEAT_ANGLES = [0, Math.PI, -Math.PI / 2, Math.PI / 2, -Math.PI / 4, Math.PI / 4, (-3 * Math.PI) / 4, (3 * Math.PI) / 4];
const SEAT_DISTANCES = [1, 2.2, 3.6, 5.4];
const NOWHERE = { x: -9999, y: -9999 };

/** A labelLayout that seats one label after the other; it starts anew with the first label of every layout. */
function seatedLabels(place, points, segments) {
  const seats = new Map();
  return ({ seriesIndex, dataIndex, labelRect }) => {
    const key = `${seriesIndex} ${dataIndex}`;
    if (seats.has(key)) seats.clear();
    const chart = charts.getInstanceByDom(place);
    const area = chart.getModel().getComponent("grid").coordinateSystem.getRect();
    const toPixel = (point) => chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, point);
    const marks = points.map((point) => boxAround([toPixel(point)], 6));
    const lines = segments.flatMap(([from, to]) => boxesAlong(toPixel(from), toPixel(to), area));
    const own = toPixel(chart.getOption().series[seriesIndex].data[dataIndex]);
    const seat = isInside(boxAround([own], 0), area) ? bestSeat(own, labelRect, area, [...marks, ...seats.values()], lines) : null;
    seats.set(key, seat ?? { ...NOWHERE, width: 0, height: 0 });
    return { ...(seat ?? NOWHERE), align: "left", verticalAlign: "top" };
  };
}

/** Over no line, or where there is no such seat, over no point and no other name. */
function bestSeat(own, size, area, taken, lines) {
  return freeSeat(own, size, area, [...taken, ...lines]) ?? freeSeat(own, size, area, taken);
}

function boxesAlong([x0, y0], [x1, y1], area) {
  const count = Math.min(Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 8), 400);
  const steps = Array.from({ length: count + 1 }, (_, i) => boxAround([[x0 + ((x1 - x0) * i) / (count || 1), y0 + ((y1 - y0) * i) / (count || 1)]], 3));
  return steps.filter((box) => overlap(box, area));
}

function boxAround(points, margin) {
  const [left, right] = extremes(points.map(([x]) => x));
  const [top, bottom] = extremes(points.map(([, y]) => y));
  return { x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin };
}

function extremes(values) {
  return values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
}

function freeSeat([x, y], { width, height }, area, taken) {
  for (const distance of SEAT_DISTANCES) {
    for (const angle of SEAT_ANGLES) {
      const reach = 5 * (1.3 + distance);
      const seat = { x: x + Math.cos(angle) * (reach + width / 2) - width / 2, y: y + Math.sin(angle) * (reach + height / 2) - height / 2, width, height };
      if (isInside(seat, area) && !taken.some((other) => overlap(seat, other))) return seat;
    }
  }
  return null;
}

function isInside(a, area) {
  return a.x >= area.x && a.y >= area.y && a.x + a.width <= area.x + area.width && a.y + a.height <= area.y + area.height;
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
