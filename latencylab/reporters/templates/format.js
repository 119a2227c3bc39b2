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

const WRITERS = {
  text: (value) => value || NOTHING,
  list: (value) => value.join(", ") || NOTHING,
  shapes: (value) => value.map((shape) => shape.join("×") || "scalar").join(", ") || NOTHING,
  ms: (value) => value.toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 }),
  percent: (value) => (100 * value).toFixed(1),
  bytes: (value) => (Math.abs(value) < 1000 ? `${value} B` : `${withPrefix(value)}B`),
  count: (value) => (value ? withPrefix(value).trim() : NOTHING),
  number: (value) => (Number.isInteger(value) ? String(value) : significant(value, 4)),
  flag: (value) => (value ? "yes" : "no"),
};
const NUMERIC = new Set(["ms", "percent", "bytes", "count", "number"]);

function written(value, kind) {
  return value === null || value === undefined ? NOTHING : WRITERS[kind](value);
}

function withUnit(value, column) {
  const text = written(value, column.kind);
  if (text === NOTHING) return text;
  return text + ({ ms: " ms", percent: " %" }[column.kind] ?? "");
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
