// A sortable, filterable table: a page of rows at a time, so that twenty thousand are no more work than a hundred.
const ROWS_A_PAGE = 100;
const ITEMS_A_CELL = 8;

function drawTable(place, table, shown, title) {
  const columns = shown.map((key) => table.columns.find((column) => column.key === key));
  const state = { sort: null, sign: 1, page: 0, text: "", rows: [] };
  const filter = make("input", { type: "search" });
  const status = make("span");
  status.setAttribute("role", "status");
  const previous = make("button", { type: "button", textContent: "Previous" });
  const next = make("button", { type: "button", textContent: "Next" });
  const head = make("tr");
  const body = make("tbody");
  const foot = make("tfoot");

  function select() {
    const wanted = state.text.toLowerCase();
    const all = Array.from({ length: table.count }, (_, row) => row);
    state.rows = wanted ? all.filter((row) => textOf(table, columns, row).includes(wanted)) : all;
    if (state.sort) {
      const values = table.values[state.sort.key];
      state.rows.sort((a, b) => compared(values[a], values[b], state.sort.kind, state.sign) || a - b);
    }
    state.page = 0;
    show();
  }

  function show() {
    const first = state.page * ROWS_A_PAGE;
    const rows = state.rows.slice(first, first + ROWS_A_PAGE);
    body.replaceChildren(...rows.map((row) => rowOf(table, columns, row)));
    const sums = sumsOf(table, columns, state.rows);
    foot.replaceChildren(...(sums ? [sums] : []));
    const last = first + rows.length;
    status.textContent = rows.length ? `${first + 1}–${last} of ${state.rows.length} rows` : "no row fits";
    previous.disabled = state.page === 0;
    next.disabled = last >= state.rows.length;
    previous.hidden = next.hidden = state.rows.length <= ROWS_A_PAGE;
  }

  function sortBy(column, header) {
    state.sign = state.sort === column ? -state.sign : NUMERIC.has(column.kind) ? -1 : 1;
    state.sort = column;
    for (const other of head.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", state.sign > 0 ? "ascending" : "descending");
    select();
  }

  for (const column of columns) head.append(headerOf(column, column === titleColumn(table), sortBy));
  filter.addEventListener("input", () => { state.text = filter.value; select(); });
  previous.addEventListener("click", () => { state.page -= 1; show(); });
  next.addEventListener("click", () => { state.page += 1; show(); });
  const caption = make("caption", { className: "hidden", textContent: title });
  const grid = make("div", { className: "scroll", tabIndex: 0 }, make("table", {}, caption, make("thead", {}, head), body, foot));
  grid.setAttribute("role", "region");
  grid.setAttribute("aria-label", `Table: ${title}`);
  const controls = make("div", { className: "controls" }, make("label", {}, "Filter ", filter), status, previous, next);
  controls.hidden = table.count < 2;
  place.replaceChildren(controls, grid);
  select();
}

function classesOf(column, isTitle) {
  return [NUMERIC.has(column.kind) && "number", isTitle && "title"].filter(Boolean).join(" ");
}

function headerOf(column, isTitle, sortBy) {
  const button = make("button", { type: "button", textContent: column.title });
  const header = make("th", { scope: "col", className: classesOf(column, isTitle) }, button);
  button.addEventListener("click", () => sortBy(column, header));
  return header;
}

function rowOf(table, columns, row) {
  const title = titleColumn(table);
  const hasMore = table.columns.length > columns.length || columns.some(({ kind }) => kind === "list");
  return make("tr", {}, ...columns.map((column) => {
    const text = cellText(table.values[column.key][row], column.kind);
    const isLong = column.kind === "list" || text.length > 48;
    const cell = make("td", { className: `${classesOf(column, column === title)}${isLong ? " long" : ""}` });
    if (column === title && hasMore) {
      const button = make("button", { type: "button", textContent: text, title: text });
      button.addEventListener("click", () => openDetails(table, row));
      cell.append(button);
    } else {
      cell.textContent = text;
    }
    return cell;
  }));
}

/** A long list is cut short: the details have all of it. */
function cellText(value, kind) {
  const rest = kind === "list" ? value.length - ITEMS_A_CELL : 0;
  return rest > 0 ? `${written(value.slice(0, ITEMS_A_CELL), kind)} and ${rest} more` : written(value, kind);
}

function sumsOf(table, columns, rows) {
  if (rows.length < 2 || !columns.some((column) => column.is_summed)) return null;
  return make("tr", {}, ...columns.map((column, i) => {
    const cell = make("td", { className: NUMERIC.has(column.kind) ? "number" : "" });
    if (column.is_summed) {
      cell.textContent = written(rows.reduce((sum, row) => sum + (table.values[column.key][row] ?? 0), 0), column.kind);
    } else if (i === 0) {
      cell.textContent = "sum";
    }
    return cell;
  }));
}

function textOf(table, columns, row) {
  return columns.map((column) => written(table.values[column.key][row], column.kind)).join("\n").toLowerCase();
}
