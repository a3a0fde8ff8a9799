// Filters a claim ledger; the rows are in the page, so that without this script all of them stand.
// The choice is kept in the address (#verdict=wrong&guide=A), so that a filtered view can be linked.
(() => {
  const start = (ledger) => {
    const form = ledger.querySelector("form");
    const count = ledger.querySelector(".k2-count");
    const rows = [...ledger.querySelectorAll("article")].map((row) => ({
      row, text: row.textContent.toLowerCase(),
    }));
    const fields = [...form.elements].filter((field) => field.name);
    const matches = ({ row, text }) => fields.every(({ name, value }) =>
      name === "words"
        ? value.toLowerCase().split(/\s+/).every((word) => text.includes(word))
        : !value || row.dataset[name] === value);

    const filter = () => {
      let shown = 0;
      for (const entry of rows) {
        entry.row.hidden = !matches(entry);
        shown += !entry.row.hidden;
      }
      count.textContent = `${shown} of ${rows.length} claims`
        + (shown ? "" : ". No claim fits; take a filter away or press “Show all”.");
    };

    const read = () => {
      const target = document.getElementById(location.hash.slice(1));
      const chosen = new URLSearchParams(location.hash.slice(1));
      for (const field of fields) {
        field.value = chosen.get(field.name) ?? "";
        if (field.selectedIndex === -1) field.value = "";
      }
      filter();
      if (target && ledger.contains(target)) target.scrollIntoView();
    };

    const write = () => {
      filter();
      const chosen = new URLSearchParams(
        fields.filter((field) => field.value.trim()).map((field) => [field.name, field.value.trim()]),
      ).toString();
      history.replaceState(null, "", chosen ? `#${chosen}` : location.pathname + location.search);
    };

    form.addEventListener("input", write);
    form.addEventListener("reset", () => setTimeout(write));
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", read);
    form.hidden = false;
    read();
  };
  const all = () => document.querySelectorAll(".k2-ledger").forEach(start);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", all);
  else all();
})();
