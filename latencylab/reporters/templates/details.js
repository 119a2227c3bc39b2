// Everything known of one row, in a dialog.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function titleColumn(table) {
  return table.columns.find(({ key }) => key === "name") ?? table.columns[0];
}

function titleOf(table, row) {
  const column = titleColumn(table);
  return written(table.values[column.key][row], column.kind);
}

function openDetails(table, row) {
  const dialog = document.getElementById("details");
  const close = make("button", { type: "button", className: "close", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  const facts = table.columns
    .map((column) => [column.title, withUnit(table.values[column.key][row], column)])
    .filter(([, text]) => text !== NOTHING)
    .flatMap(([title, text]) => [make("dt", { textContent: title }), make("dd", { textContent: text })]);
  dialog.replaceChildren(
    make("h2", { id: "details-title", textContent: titleOf(table, row) }),
    close,
    make("dl", {}, ...facts),
  );
  dialog.showModal();
  dialog.scrollTop = 0;
}
