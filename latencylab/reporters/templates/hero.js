// The first things to see: the result on a scale, and what it is made of.
function drawGauge(place, { value, low, high, limit, unit }) {
  const end = Math.max(high, limit ?? 0) * 1.08 || 1;
  const percent = (part) => `${(100 * part) / end}%`;
  const band = make("span", { className: "band" });
  band.style.left = percent(low);
  band.style.width = percent(high - low);
  const texts = { value: "", low: significant(low), high: significant(high), limit: `budget ${significant(limit ?? 0)} ${unit}` };
  const marks = Object.entries({ value, low, high, limit }).filter(([, at]) => at !== null);
  const ticks = marks.map(([name, at]) => {
    const tick = make("span", { className: `tick ${name}` }, make("span", { textContent: texts[name] }));
    tick.style.left = percent(at);
    return tick;
  });
  place.replaceChildren(make("span", { className: "track" }, band, ...ticks));
}

const LEAST_NAMED = 56;

/** Parts in proportion; those too narrow for a name have only their colour. */
function drawStrip(place, table, { name, value }) {
  const names = table.values[name];
  const values = table.values[value];
  const sum = values.reduce((a, b) => a + b, 0);
  const colors = colorsOf(names, values);
  const parts = names.map((text, row) => {
    const share = sum ? values[row] / sum : 0;
    const part = make("span", {}, make("b", { textContent: written(text, "text") }), ` ${(100 * share).toFixed(0)} %`);
    part.title = `${written(text, "text")}: ${written(values[row], "ms")} ms, ${(100 * share).toFixed(1)} %`;
    part.style.flexGrow = share;
    part.style.background = colors.get(text);
    part.style.color = textOn(colors.get(text));
    return part;
  });
  const isShown = (_, row) => values[row] > 0;
  place.replaceChildren(...parts.filter(isShown));
  // A few letters of a name say nothing: its colour does.
  for (const part of place.children) if (part.clientWidth < LEAST_NAMED) part.textContent = "";
}
