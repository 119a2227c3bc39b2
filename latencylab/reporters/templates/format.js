// Values as text, and their order.
const PREFIXES = [[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const NOTHING = "–";

function significant(value, digits = 3) {
  if (value === 0) return "0";
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 12));
}

function withPrefix(value) {
  const found = PREFIXES.find(([factor]) => Math.abs(value) >= factor);
  return found ? `${significant(value / found[0])} ${found[1]}` : `${significant(value)} `;
}

/** A tick of an axis: a round number without zeros that say nothing. */
function tickText(value) {
  const found = PREFIXES.find(([factor]) => Math.abs(value) >= factor);
  return found ? `${Number((value / found[0]).toPrecision(6))} ${found[1]}` : String(Number(value.toPrecision(6)));
}

const WRITERS = {
  text: (value) => value || NOTHING,
  list: (value) => value.join(", ") || NOTHING,
  shapes: (value) => value.map((shape) => shape.join("×") || "scalar").join(", ") || NOTHING,
  ms: (value) => value.toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 }),
  percent: (value) => (100 * value).toFixed(1),
  bytes: (value) => (Math.abs(value) < 1000 ? `${value} B` : `${withPrefix(value)}B`),
  kib: (value) => `${(value / 1024).toLocaleString("en", { maximumFractionDigits: value < 10240 ? 1 : 0 })} KiB`,
  decibel: (value) => value.toFixed(2),
  change: (value) => (value > 0 ? "+" : "") + WRITERS.ms(value),
  error: (value) => (value > 0 ? "+" : "") + (100 * value).toFixed(1),
  count: (value) => (value ? withPrefix(value).trim() : NOTHING),
  number: (value) => (Number.isInteger(value) ? String(value) : significant(value, 4)),
  flag: (value) => (value ? "yes" : "no"),
};
const NUMERIC = new Set(["ms", "percent", "bytes", "kib", "count", "number", "decibel", "change", "error"]);

function written(value, kind) {
  return value === null || value === undefined ? NOTHING : WRITERS[kind](value);
}

function withUnit(value, column) {
  const text = written(value, column.kind);
  if (text === NOTHING) return text;
  return text + ({ ms: " ms", percent: " %", change: " ms", error: " %", decibel: " dB" }[column.kind] ?? "");
}

/** Order of two values of a column; what is not there comes last either way. */
function compared(a, b, kind, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (NUMERIC.has(kind) || kind === "flag") return sign * (a - b);
  return sign * written(a, kind).localeCompare(written(b, kind), "en", { numeric: true });
}

function shortened(text, length) {
  const half = (length - 1) >> 1;
  return text.length <= length ? text : `${text.slice(0, length - 1 - half)}…${text.slice(text.length - half)}`;
}
