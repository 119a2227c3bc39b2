// Everything known of one row, in a dialog.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function titleOf(table, row) {
  const column = table.columns.find(({ key }) => key === "name") ?? table.columns[0];
  return written(table.values[column.key][row], column.kind);
}

function openDetails(table, row) {
  const dialog = document.getElementById("details");
  const close = make("button", { type: "button", className: "close", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  const facts = table.columns.flatMap((column) => [
    make("dt", { textContent: column.title }),
    make("dd", { textContent: withUnit(table.values[column.key][row], column) }),
  ]);
  dialog.replaceChildren(
    make("h2", { id: "details-title", textContent: titleOf(table, row) }),
    close,
    make("dl", {}, ...facts),
  );
  dialog.showModal();
  dialog.scrollTop = 0;
}
