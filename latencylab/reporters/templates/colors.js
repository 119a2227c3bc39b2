// Colours come from the style sheet, so that the page and its charts always agree.
const PALETTE_SIZE = 8;
// Of this luminance a colour is as far from black as from white.
const EVEN = 0.179;
const resolved = new Map();
const probe = document.createElement("span");

function color(name) {
  if (!resolved.has(name)) {
    probe.style.color = `var(--${name})`;
    if (!probe.isConnected) document.body.append(probe);
    resolved.set(name, getComputedStyle(probe).color);
  }
  return resolved.get(name);
}

function forgetColors() {
  resolved.clear();
}

/** The names that a chart colours by, the heaviest first: the last colour is for all that have none of their own. */
function colorsOf(names, weights) {
  const sums = new Map();
  names.forEach((name, i) => sums.set(name, (sums.get(name) ?? 0) + (weights ? weights[i] : 1)));
  const ordered = [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  return new Map(ordered.map((name, i) => [name, color(`color-${Math.min(i, PALETTE_SIZE - 1)}`)]));
}

/** Colour and a readable text colour for a share of 0..1, cold to hot. */
function heat(share) {
  const stops = [0, 1, 2, 3].map((i) => channels(color(`heat-${i}`)));
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const mixed = stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * (at - low)));
  return { fill: `rgb(${mixed.join(",")})`, text: luminance(mixed) > EVEN ? "#000000" : "#ffffff" };
}

function channels(css) {
  return css.match(/[\d.]+/g).slice(0, 3).map(Number);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function textOn(fill) {
  return luminance(channels(fill)) > EVEN ? "#000000" : "#ffffff";
}
